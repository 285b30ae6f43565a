/* SPDX-License-Identifier: ISC */
/**
 * @file management.h
 * The requests about watches, transactions and domains. They take effect at once, in a transaction
 * or not; handlers as in operations.h.
 */
#ifndef XENSTORED_MANAGEMENT_H
#define XENSTORED_MANAGEMENT_H

#include "operations.h"

operation_fn management_watch, management_unwatch, management_reset_watches,
    management_transaction_start, management_introduce, management_release,
    management_get_domain_path, management_is_domain_introduced, management_resume,
    management_set_target, management_get_feature, management_set_feature, management_get_quota,
    management_set_quota;

#endif
