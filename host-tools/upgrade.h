/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/upgrade.h
 * `atoll upgrade SERVICE [IMAGE]`: another image in the place of the one that runs, and that again
 * where the other does not come up.
 */
#ifndef ATOLL_UPGRADE_H
#define ATOLL_UPGRADE_H

/** The command itself: an exit code. */
int upgrade_main(int argc, char *const argv[]);

#endif
