/* SPDX-License-Identifier: ISC */
/** @file host-tools/switch.h `atoll switch`: what the operator asks of a network switch. */
#ifndef ATOLL_SWITCH_H
#define ATOLL_SWITCH_H

int switch_main(int argc, char *const argv[]);

#endif
