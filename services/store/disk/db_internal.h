/* What db.c and db_walk.c share. */
#ifndef SERVICES_STORE_DISK_DB_INTERNAL_H
#define SERVICES_STORE_DISK_DB_INTERNAL_H

#include <db.h>

#include "services/store/disk/db.h"

struct db {
    DB_ENV *env;
    DB *tables[TABLE_COUNT];
    DB_TXN *txn;
    char *directory;
    struct error failure;
    bool opened; /* recovered: before that there is nothing to checkpoint */
    bool failed;
    bool keeps_logs;
    bool broken;
    uint64_t writes;
    bool damaged; /* as Berkeley DB said */
    void (*on_broken)(void *arg, const char *why, bool is_damaged);
    void *arg;
};

/* Remembers a failure. After DB_RUNRECOVERY nothing that the environment says can be trusted. */
void db_fail(struct db *db, const char *what, int err);

static inline DBT dbt_of(struct str bytes)
{
    return (DBT){.data = (void *)(uintptr_t)(bytes.ptr ? bytes.ptr : ""),
                 .size = (u_int32_t)bytes.len};
}

#endif
