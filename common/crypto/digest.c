/* Digests, keyed digests and random bytes. */
#include "common/crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/crypto/library.h"

void crypto_library_failed(const char *what)
{
    fprintf(stderr, "OpenSSL cannot do %s; the process ends\n", what);
    abort();
}

static void digest_of(const EVP_MD *type, struct str data, unsigned char *digest)
{
    if (EVP_Digest(data.ptr, data.len, digest, NULL, type, NULL) != 1)
        crypto_library_failed("a digest");
}

void crypto_sha256(struct str data, unsigned char digest[CRYPTO_SHA256_SIZE])
{
    digest_of(EVP_sha256(), data, digest);
}

void crypto_md5(struct str data, unsigned char digest[CRYPTO_MD5_SIZE])
{
    digest_of(EVP_md5(), data, digest);
}

void crypto_hmac_sha256(struct str key, struct str data, unsigned char mac[CRYPTO_SHA256_SIZE])
{
    /* The one-shot function wants a key pointer even for no key. */
    const char *key_bytes = key.ptr ? key.ptr : "";
    size_t len = 0;

    if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key_bytes, key.len,
                   (const unsigned char *)data.ptr, data.len, mac, CRYPTO_SHA256_SIZE, &len))
        crypto_library_failed("HMAC-SHA256");
}

bool crypto_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void crypto_random(void *bytes, size_t len)
{
    if (RAND_bytes_ex(NULL, bytes, len, 0) != 1)
        crypto_library_failed("random bytes");
}

void crypto_hex(struct buf *out, const void *bytes, size_t len)
{
    const unsigned char *data = bytes;

    for (size_t i = 0; i < len; i++) {
        buf_append_char(out, "0123456789abcdef"[data[i] >> 4]);
        buf_append_char(out, "0123456789abcdef"[data[i] & 0x0F]);
    }
}
