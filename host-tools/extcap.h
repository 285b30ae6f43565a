/* SPDX-License-Identifier: ISC */
/** @file host-tools/extcap.h Wireshark's way to the monitor's ports; the program atoll-extcap. */
#ifndef ATOLL_EXTCAP_H
#define ATOLL_EXTCAP_H

int extcap_main(int argc, char *const argv[]);

#endif
