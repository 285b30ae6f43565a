/* SPDX-License-Identifier: ISC */
/** @file host-tools/alerts.h `atoll alerts`: what the monitor has found worth attention. */
#ifndef ATOLL_ALERTS_H
#define ATOLL_ALERTS_H

#include "common/control.h"
#include <stddef.h>

/** The command, `atoll alerts limits` and `atoll alerts set` included. */
int alerts_main(int argc, char *const argv[]);

int alerts_limits_main(int argc, char *const argv[]);
int alerts_set_main(int argc, char *const argv[]);

/** The alert of a message's ALERT group as a line: "port-scan of web1/0: sentence". Escaped. */
void alert_text(const struct control_reader *alert, char *text, size_t size);

#endif
