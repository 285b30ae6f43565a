/* SPDX-License-Identifier: ISC */
/**
 * @file control.h
 * CONTROL: the operator's commands (docs/misc/xenstore.txt, CONTROL; xenstore-control(1)).
 */
#ifndef XENSTORED_CONTROL_H
#define XENSTORED_CONTROL_H

#include "operations.h"

operation_fn control_request;

#endif
