/* SPDX-License-Identifier: ISC */
/** @file host-tools/flows.h `atoll flows`: who talks to whom. */
#ifndef ATOLL_FLOWS_H
#define ATOLL_FLOWS_H

struct flow_options;

/** The command. */
int flows_main(int argc, char *const argv[]);

/** Those of the capture options->file; an exit code. */
int flows_of_file(const struct flow_options *options);

#endif
