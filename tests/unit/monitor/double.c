/* SPDX-License-Identifier: ISC */
/* In place of application.c and alert.c, in tests that are about neither. */
#include "services/monitor/alert.h"
#include "services/monitor/application.h"
struct alerts {
    int x;
};
void alert_limits_default(struct alert_limits *l)
{
    *l = (struct alert_limits){0};
}
size_t alerts_size(unsigned p)
{
    return 64;
}
struct alerts *alerts_create(void *m, unsigned p, const struct alert_limits *l, uint64_t k,
                             void (*a)(void *, const struct alert *), void *c)
{
    return m;
}
void alerts_configure(struct alerts *a, const struct alert_limits *l)
{
}
void alerts_frame(struct alerts *a, uint64_t n, uint16_t i, bool u, const uint8_t *f,
                  const struct decoded *d, bool c)
{
}
void alerts_moved(struct alerts *a, uint64_t n, uint16_t i, uint16_t b, const uint8_t m[6],
                  uint64_t g)
{
}
void alerts_rate(struct alerts *a, uint64_t n, uint16_t i, uint64_t b)
{
}
void alerts_forget(struct alerts *a, uint16_t i)
{
}
uint64_t alerts_told(const struct alerts *a)
{
    return 0;
}
uint64_t alerts_suppressed(const struct alerts *a)
{
    return 0;
}
bool application_promising(const struct decoded *d, const uint8_t *p)
{
    return false;
}
bool application_look(struct flow_application *a, const struct decoded *d, const uint8_t *p, bool f)
{
    return false;
}
