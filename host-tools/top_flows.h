/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/top_flows.h
 * From looks at the flows to rates: what each flow has had since the look before is added up under
 * its keys. Inside of top_model.h.
 */
#ifndef ATOLL_TOP_FLOWS_H
#define ATOLL_TOP_FLOWS_H

#include "top_model.h"

struct top_flows;

struct top_flows *top_flows_create(void);
void top_flows_free(struct top_flows *flows);

#endif
