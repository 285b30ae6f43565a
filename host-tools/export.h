/* SPDX-License-Identifier: ISC */
/** @file host-tools/export.h `atoll export`. */
#ifndef ATOLL_EXPORT_H
#define ATOLL_EXPORT_H

int export_main(int argc, char *const argv[]);

#endif
