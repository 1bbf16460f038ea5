/* The certificates of tests/vectors/certificates: root signs intermediate signs leaf (of SNS,
 * naming its issuer's address), regional (of a region's SNS, naming none), other (of another
 * service) and elsewhere (names a strange issuer's address); rogue is a root by the same name.
 * Valid from 2020 for a hundred years. */
#ifndef TESTS_SUPPORT_CERTIFICATES_H
#define TESTS_SUPPORT_CERTIFICATES_H

#include "common/crypto/crypto.h"
#include "tests/support/vectors.h"

enum { CERTIFICATES_NOW = 1830297600 /* 2028-01-01 */, CERTIFICATES_BEFORE = 1500000000 };
#define CERTIFICATES_AFTER INT64_C(5000000000)

#define CERTIFICATE_FILE(name) VECTORS_DIRECTORY "/certificates/" name ".pem"

static inline void certificate_pem(const char *name, struct buf *out)
{
    cleanup(mem_freep) char *file = mem_printf("certificates/%s.pem", name);

    vectors_read(file, out);
}

static inline void certificate_der(const char *name, struct buf *out)
{
    cleanup(buf_done) struct buf pem = BUF_INIT;
    cleanup(buf_done) struct buf base64 = BUF_INIT;

    certificate_pem(name, &pem);
    struct str rest = buf_str(&pem);
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        if (!str_starts_with(line, STR("-----")))
            buf_append_str(&base64, line);
    }
    if (crypto_base64_decode(out, buf_str(&base64)) < 0)
        abort();
}

#endif
