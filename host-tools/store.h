/* SPDX-License-Identifier: ISC */
/** @file host-tools/store.h `atoll store`: what the operator asks of the host's XenStore. */
#ifndef ATOLL_STORE_H
#define ATOLL_STORE_H

int store_main(int argc, char *const argv[]);

#endif
