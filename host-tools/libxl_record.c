/* SPDX-License-Identifier: ISC */
#include "libxl_record.h"
#include <libxl.h>
#include <stdlib.h>
#include <string.h>

/* libxl keeps the terminating zero with its JSON and asks for it when it reads. */
static int store_json(libxl_ctx *ctx, uint32_t domid, libxl_domain_config *config)
{
    char *json = libxl_domain_config_to_json(ctx, config);
    int rc = -1;

    if (json)
        rc = libxl_userdata_store(ctx, domid, "libxl-json", (const uint8_t *)json,
                                  (int)strlen(json) + 1);
    free(json);
    return rc;
}

int libxl_record_write(xentoollog_logger *logger, const struct libxl_record *rec)
{
    libxl_domain_config config;
    libxl_ctx *ctx = NULL;
    int rc;

    if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, logger))
        return -1;
    libxl_domain_config_init(&config);
    config.c_info.type = LIBXL_DOMAIN_TYPE_PVH;
    config.c_info.name = strdup(rec->name);
    memcpy(libxl_uuid_bytearray(&config.c_info.uuid), rec->handle, 16);
    libxl_domain_build_info_init_type(&config.b_info, LIBXL_DOMAIN_TYPE_PVH);
    config.b_info.max_vcpus = 1;
    config.b_info.max_memkb = config.b_info.target_memkb = (uint64_t)rec->memory_mb * 1024;
    config.b_info.kernel = strdup(rec->kernel);
    config.b_info.cmdline = strdup(rec->cmdline);
    rc = store_json(ctx, rec->domid, &config);
    libxl_domain_config_dispose(&config);
    libxl_ctx_free(ctx);
    return rc ? -1 : 0;
}

void libxl_record_remove(xentoollog_logger *logger, uint32_t domid)
{
    libxl_ctx *ctx = NULL;

    if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, logger))
        return;
    libxl_userdata_unlink(ctx, domid, "libxl-json");
    libxl_ctx_free(ctx);
}
