/* SPDX-License-Identifier: ISC */
/*
 * What replaces parts of musl that would make system calls. The archive's own objects of these
 * names are then not linked; whatever else would bring one in fails the check of finish.py.
 */

int __lockfile(void *file);
void __unlockfile(void *file);

/** There is one thread, and the formatting functions have no stream to share. */
int __lockfile(void *file)
{
    return 0;
}

void __unlockfile(void *file)
{
}
