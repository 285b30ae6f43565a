/* SPDX-License-Identifier: ISC */
/**
 * @file netif_cases.h
 * The parts of netif-test.
 */
#ifndef TESTS_SIM_SWITCH_NETIF_CASES_H
#define TESTS_SIM_SWITCH_NETIF_CASES_H

#include <check.h>

#include "echo.h"

TCase *netif_hostile_case(void);
TCase *netif_odd_case(void);
TCase *netif_control_case(void);

#endif
