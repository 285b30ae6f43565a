/* SPDX-License-Identifier: ISC */
#include "hv/sim/sim.h"
