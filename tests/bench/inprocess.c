/* bench_inprocess: checks as function calls on a replica in this process, against a bare hash table
 * of the same keys.
 *
 *   --customers N --rounds R --seconds S --samples C
 *   --customers N --steps K    a chain of K checks and nothing else, for tests/bench/instructions
 *
 * The questions of a chain depend on each other: whom the next one is about follows from what the
 * last one granted, so that no two overlap. The bare table does what a look-up cannot do without:
 * it hashes the handle with the replica's own function, finds the slot by open addressing (half of
 * the slots are free), goes to the record, compares the whole key and reads the value. Its records
 * take three cache lines, as compact ones of the replica may, in memory with transparent huge
 * pages.
 *
 * Then: single checks timed each; one reader and two while a writer applies updates; and how much
 * memory a subscription takes after growth and updates. Prints one line of JSON. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "proto/replica/replica.h"
#include "tests/bench/data.h"
#include "tests/bench/tool.h"
#include "tests/support/random.h"

enum { UPDATES_PER_TICK = 10, TICK_NS = 10000000, BARE_RECORD = 192 };

/* The bare table. */

struct bare_record {
    char key[DATA_TENANT_LEN + 1];
    uint64_t granted;
};

struct bare_slot {
    uint32_t tag;
    uint32_t number; /* of the record, from 1; 0: free */
};

struct bare {
    struct bare_slot *slots;
    size_t slot_count, record_size;
    char *records;
};

static void *map_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        tool_die("no memory");
    madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

static struct bare_record *bare_record(const struct bare *bare, uint32_t number)
{
    return (struct bare_record *)(bare->records + (number - 1) * bare->record_size);
}

static void bare_put(struct bare *bare, uint32_t number, uint64_t customer)
{
    struct bare_record *record = bare_record(bare, number);

    data_tenant(customer, record->key);
    record->granted = data_granted(customer);
    uint64_t hash = hash_bytes((const unsigned char *)record->key, DATA_TENANT_LEN, 0);
    size_t at = hash & (bare->slot_count - 1);
    while (bare->slots[at].number != 0)
        at = (at + 1) & (bare->slot_count - 1);
    bare->slots[at] = (struct bare_slot){(uint32_t)(hash >> 32), number};
}

static void bare_init(struct bare *bare, uint64_t customers, size_t record_size)
{
    struct random random = {7};
    uint32_t *order = mem_alloc_array(customers, sizeof(*order));

    *bare = (struct bare){.slot_count = 1, .record_size = record_size};
    while (bare->slot_count < 2 * customers)
        bare->slot_count *= 2;
    bare->slots = map_memory(bare->slot_count * sizeof(*bare->slots));
    bare->records = map_memory(customers * record_size);
    for (uint64_t i = 0; i < customers; i++)
        order[i] = (uint32_t)i;
    for (uint64_t i = customers; i > 1; i--) {
        uint64_t j = random_next(&random) % i;
        uint32_t other = order[j];
        order[j] = order[i - 1];
        order[i - 1] = other;
    }
    for (uint64_t i = 0; i < customers; i++)
        bare_put(bare, (uint32_t)i + 1, order[i]);
    mem_free(order);
}

static void bare_done(struct bare *bare, uint64_t customers)
{
    munmap(bare->slots, bare->slot_count * sizeof(*bare->slots));
    munmap(bare->records, customers * bare->record_size);
}

static uint64_t bare_find(const struct bare *bare, struct str key)
{
    uint64_t hash = hash_bytes((const unsigned char *)key.ptr, key.len, 0);

    for (size_t at = hash & (bare->slot_count - 1); bare->slots[at].number != 0;
         at = (at + 1) & (bare->slot_count - 1)) {
        if (bare->slots[at].tag != (uint32_t)(hash >> 32))
            continue;
        const struct bare_record *record = bare_record(bare, bare->slots[at].number);
        if (memcmp(record->key, key.ptr, DATA_TENANT_LEN) == 0)
            return record->granted;
    }
    tool_die("'" STR_FMT "' is not in the table", STR_ARG(key));
}

/* The check. */

struct checking {
    struct replica *replica;
    struct replica_reader *reader;
    struct arena arena;
    struct replica_guidance guidance;
    int64_t now_s;
};

static uint64_t check(struct checking *checking, struct str handle)
{
    const struct decide_question question = {
        .handle = handle, .dimension = STR(DATA_DIMENSION), .quantity = 1};
    struct replica_lookup lookup;
    char id[TEXT_ID_LEN];
    struct answer answer;
    struct error error;

    replica_read_begin(checking->reader);
    replica_seek(checking->reader, &question, &lookup);
    replica_fetch(&lookup);
    enum rpc_error code = replica_answer(&lookup, &checking->guidance, checking->now_s,
                                         &checking->arena, id, &answer, &error);
    uint64_t granted = (uint64_t)answer.granted.integer;
    bool allowed = code == ERROR_NONE && answer.allow;
    replica_read_end(checking->reader);
    arena_clear(&checking->arena);
    if (!allowed)
        tool_die("'" STR_FMT "' is refused", STR_ARG(handle));
    return granted;
}

static void open_checking(struct checking *checking, struct replica *replica)
{
    *checking = (struct checking){
        .replica = replica,
        .reader = replica_reader_new(replica),
        .guidance = {.policy = policy_default},
        .now_s = clock_wall_s(),
    };
}

static void close_checking(struct checking *checking)
{
    replica_reader_free(checking->reader);
    arena_done(&checking->arena);
}

/* A chain. */

struct chain {
    uint64_t customers, customer, steps;
    char handle[DATA_TENANT_LEN + 1];
};

static struct str chain_next(struct chain *chain)
{
    data_put_digits(chain->customer, chain->handle + DATA_DIGITS_AT);
    return str_from(chain->handle, DATA_TENANT_LEN);
}

/* Compares, and goes where the answer leads. */
static void chain_follow(struct chain *chain, uint64_t granted)
{
    if (granted != data_granted(chain->customer))
        tool_die("customer %" PRIu64 " was granted %" PRIu64, chain->customer, granted);
    chain->steps++;
    chain->customer = (granted * 0x9E3779B97F4A7C15u + chain->steps) % chain->customers;
}

static struct chain chain_begin(uint64_t customers)
{
    struct chain chain = {.customers = customers};

    data_tenant(0, chain.handle);
    return chain;
}

enum { STEPS_BETWEEN_LOOKS = 256 };

static double chain_of_checks_ns(struct checking *checking, uint64_t customers, double seconds)
{
    struct chain chain = chain_begin(customers);
    uint64_t begin_ns = tool_now_ns(), now_ns;

    do {
        for (int i = 0; i < STEPS_BETWEEN_LOOKS; i++)
            chain_follow(&chain, check(checking, chain_next(&chain)));
        now_ns = tool_now_ns();
    } while ((double)(now_ns - begin_ns) < seconds * 1e9);
    return (double)(now_ns - begin_ns) / (double)chain.steps;
}

/* Counted by its name. */
static __attribute__((noinline)) void chain_of_steps(struct checking *checking, uint64_t customers,
                                                     uint64_t steps)
{
    struct chain chain = chain_begin(customers);

    while (chain.steps < steps)
        chain_follow(&chain, check(checking, chain_next(&chain)));
}

static double chain_of_lookups_ns(const struct bare *bare, uint64_t customers, double seconds)
{
    struct chain chain = chain_begin(customers);
    uint64_t begin_ns = tool_now_ns(), now_ns;

    do {
        for (int i = 0; i < STEPS_BETWEEN_LOOKS; i++)
            chain_follow(&chain, bare_find(bare, chain_next(&chain)));
        now_ns = tool_now_ns();
    } while ((double)(now_ns - begin_ns) < seconds * 1e9);
    return (double)(now_ns - begin_ns) / (double)chain.steps;
}

/* Each alone, by the clock; the clock's own cost is in it. */
static void print_percentiles(struct checking *checking, uint64_t customers, size_t count)
{
    struct chain chain = chain_begin(customers);
    struct samples samples;

    samples_init(&samples, count);
    while (samples.count < samples.capacity) {
        struct str handle = chain_next(&chain);
        uint64_t begin_ns = tool_now_ns();
        uint64_t granted = check(checking, handle);
        samples_add(&samples, tool_now_ns() - begin_ns);
        chain_follow(&chain, granted);
    }
    samples_sort(&samples);
    printf(", \"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f",
           samples_percentile_us(&samples, 50), samples_percentile_us(&samples, 99),
           samples_percentile_us(&samples, 99.9));
    samples_done(&samples);
}

/* Readers beside a writer. */

struct writer {
    pthread_t thread;
    struct replica *replica;
    uint64_t customers, updates;
    int64_t now_s;
    struct random random;
    atomic_bool stop;
};

/* The record as it is, in a later version: answers stay comparable. */
static void update_one(struct writer *writer)
{
    struct arena arena = ARENA_INIT;
    struct subscription record;

    data_record(random_next(&writer->random) % writer->customers, writer->now_s, &arena, &record);
    record.version = record.seq = (int64_t)++writer->updates + 1;
    replica_put(writer->replica, &record);
    arena_done(&arena);
}

static void *run_writer(void *arg)
{
    struct writer *writer = arg;
    const struct timespec tick = {.tv_nsec = TICK_NS};

    while (!atomic_load(&writer->stop)) {
        for (int i = 0; i < UPDATES_PER_TICK; i++)
            update_one(writer);
        nanosleep(&tick, NULL);
    }
    return NULL;
}

struct reader {
    pthread_t thread;
    struct replica *replica;
    uint64_t customers;
    double seconds, ns;
};

static void *run_reader(void *arg)
{
    struct reader *reader = arg;
    struct checking checking;

    open_checking(&checking, reader->replica);
    reader->ns = chain_of_checks_ns(&checking, reader->customers, reader->seconds);
    close_checking(&checking);
    return NULL;
}

static double rate_of_readers(struct replica *replica, uint64_t customers, int count,
                              double seconds)
{
    struct reader readers[2];
    double rate = 0;

    for (int i = 0; i < count; i++) {
        readers[i] =
            (struct reader){.replica = replica, .customers = customers, .seconds = seconds};
        if (pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]) != 0)
            tool_die("cannot start a thread");
    }
    for (int i = 0; i < count; i++) {
        pthread_join(readers[i].thread, NULL);
        rate += 1e9 / readers[i].ns;
    }
    return rate;
}

static void print_readers(struct replica *replica, uint64_t customers, int64_t rounds,
                          double seconds, struct writer *writer)
{
    atomic_store(&writer->stop, false);
    if (pthread_create(&writer->thread, NULL, run_writer, writer) != 0)
        tool_die("cannot start a thread");
    printf(", \"readers\": [");
    for (int64_t round = 0; round < rounds; round++) {
        double one = rate_of_readers(replica, customers, 1, seconds);
        double two = rate_of_readers(replica, customers, 2, seconds);
        printf("%s[%.0f, %.0f]", round ? ", " : "", one, two);
    }
    printf("]");
    atomic_store(&writer->stop, true);
    pthread_join(writer->thread, NULL);
}

/* Memory. */

static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size, resident;

    if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2)
        tool_die("cannot read /proc/self/statm");
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void put_all(struct replica *replica, uint64_t customers, int64_t now_s)
{
    for (uint64_t i = 0; i < customers; i++) {
        struct arena arena = ARENA_INIT;
        struct subscription record;
        data_record(i, now_s, &arena, &record);
        replica_put(replica, &record);
        arena_done(&arena);
    }
}

static void run_steps(uint64_t customers, uint64_t steps)
{
    struct replica *replica = replica_new();
    struct checking checking;

    open_checking(&checking, replica);
    put_all(replica, customers, checking.now_s);
    chain_of_steps(&checking, customers, steps);
    close_checking(&checking);
    replica_free(replica);
}

static void measure(const struct options *options, uint64_t customers)
{
    int64_t rounds = option_int(options, "--rounds", "5");
    double seconds = option_number(options, "--seconds", "1");
    size_t before = resident_bytes();
    struct replica *replica = replica_new();
    struct checking checking;
    struct bare bare;

    open_checking(&checking, replica);
    uint64_t begin_ns = tool_now_ns();
    put_all(replica, customers, checking.now_s);
    double load_seconds = (double)(tool_now_ns() - begin_ns) / 1e9;
    double loaded = (double)(resident_bytes() - before) / (double)customers;
    struct writer writer = {
        .replica = replica, .customers = customers, .now_s = checking.now_s, .random = {3}};
    for (uint64_t i = 0; i < customers; i++)
        update_one(&writer);
    double updated = (double)(resident_bytes() - before) / (double)customers;

    bare_init(&bare, customers, BARE_RECORD);
    printf("{\"customers\": %" PRIu64 ", \"load_seconds\": %.2f, \"bytes_loaded\": %.1f, "
           "\"bytes_updated\": %.1f, \"chains\": [",
           customers, load_seconds, loaded, updated);
    for (int64_t round = 0; round < rounds; round++) {
        double lookup_ns = chain_of_lookups_ns(&bare, customers, seconds);
        double check_ns = chain_of_checks_ns(&checking, customers, seconds);
        printf("%s[%.2f, %.2f]", round ? ", " : "", check_ns, lookup_ns);
    }
    printf("]");
    print_percentiles(&checking, customers, (size_t)option_int(options, "--samples", "2000000"));
    print_readers(replica, customers, rounds, seconds, &writer);
    printf("}\n");
    bare_done(&bare, customers);
    close_checking(&checking);
    replica_free(replica);
}

int main(int argc, char **argv)
{
    const struct options options = {argc, argv};
    uint64_t customers = (uint64_t)option_int(&options, "--customers", NULL);

    if (option_is_given(&options, "--steps"))
        run_steps(customers, (uint64_t)option_int(&options, "--steps", NULL));
    else
        measure(&options, customers);
    return 0;
}
