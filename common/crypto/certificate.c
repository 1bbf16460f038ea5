/* RSA signatures as SNS makes them, and the certificates they are checked with. */
#include "common/crypto/crypto.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/mem.h"
#include "common/crypto/library.h"
#include "common/crypto/x509.h"

struct crypto_key {
    EVP_PKEY *pair;
};

static void bio_freep(BIO **bio)
{
    BIO_free(*bio);
}

static void x509_freep(X509 **x509)
{
    X509_free(*x509);
}

static void md_ctx_freep(EVP_MD_CTX **ctx)
{
    EVP_MD_CTX_free(*ctx);
}

static const EVP_MD *digest_type(enum crypto_digest digest)
{
    return digest == CRYPTO_DIGEST_SHA1 ? EVP_sha1() : EVP_sha256();
}

/* What follows the first certificate, up to a length that no real chain has. */
static STACK_OF(X509) * read_issuers(BIO *bio)
{
    enum { ISSUERS_MAX = 7 };
    STACK_OF(X509) *issuers = sk_X509_new_null();
    X509 *next;

    if (!issuers)
        mem_exhausted();
    while (sk_X509_num(issuers) < ISSUERS_MAX &&
           (next = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        if (sk_X509_push(issuers, next) <= 0)
            mem_exhausted();
    }
    return issuers;
}

int crypto_certificate_parse(struct crypto_certificate **ret, struct str pem, struct error *error)
{
    if (pem.len > INT_MAX)
        return error_set(error, "the certificate is too long");
    cleanup(bio_freep) BIO *bio = BIO_new_mem_buf(pem.ptr ? pem.ptr : "", (int)pem.len);
    if (!bio)
        mem_exhausted();
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    ERR_clear_error();
    if (!x509)
        return error_set(error, "not a certificate in PEM form");

    struct crypto_certificate *certificate = mem_alloc_zero(sizeof(*certificate));
    certificate->x509 = x509;
    certificate->public_key = X509_get_pubkey(x509);
    certificate->issuers = read_issuers(bio);
    ERR_clear_error();
    if (!certificate->public_key || !EVP_PKEY_is_a(certificate->public_key, "RSA")) {
        crypto_certificate_free(certificate);
        return error_set(error, "the certificate holds no RSA key");
    }
    *ret = certificate;
    return 0;
}

void crypto_certificate_free(struct crypto_certificate *certificate)
{
    if (!certificate)
        return;
    X509_free(certificate->x509);
    sk_X509_pop_free(certificate->issuers, X509_free);
    EVP_PKEY_free(certificate->public_key);
    mem_free(certificate);
}

bool crypto_certificate_verify(const struct crypto_certificate *certificate,
                               enum crypto_digest digest, struct str data, struct str signature)
{
    cleanup(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (!ctx)
        mem_exhausted();
    /* RSA keys verify PKCS#1 v1.5 unless told otherwise. */
    bool valid =
        EVP_DigestVerifyInit(ctx, NULL, digest_type(digest), NULL, certificate->public_key) == 1 &&
        EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
                         (const unsigned char *)data.ptr, data.len) == 1;
    ERR_clear_error();
    return valid;
}

struct crypto_key *crypto_key_new_rsa(void)
{
    struct crypto_key *key = mem_alloc_zero(sizeof(*key));

    key->pair = EVP_RSA_gen(2048);
    if (!key->pair)
        crypto_library_failed("RSA keys");
    return key;
}

void crypto_key_free(struct crypto_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pair);
    mem_free(key);
}

void crypto_key_sign(const struct crypto_key *key, enum crypto_digest digest, struct str data,
                     struct buf *out)
{
    cleanup(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = (size_t)EVP_PKEY_get_size(key->pair);

    if (!ctx)
        mem_exhausted();
    buf_reserve(out, len);
    if (EVP_DigestSignInit(ctx, NULL, digest_type(digest), NULL, key->pair) != 1 ||
        EVP_DigestSign(ctx, (unsigned char *)out->data + out->len, &len,
                       (const unsigned char *)data.ptr, data.len) != 1)
        crypto_library_failed("RSA signatures");
    out->len += len;
    out->data[out->len] = '\0';
}

static bool fill_certificate(X509 *x509, EVP_PKEY *pair, const char *common_name)
{
    enum { TEN_YEARS_S = 10 * 365 * 24 * 3600 };
    X509_NAME *name = X509_get_subject_name(x509);
    uint64_t serial;

    crypto_random(&serial, sizeof(serial));
    return X509_set_version(x509, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x509), 0) &&
           X509_gmtime_adj(X509_getm_notAfter(x509), TEN_YEARS_S) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, pair) == 1 &&
           X509_sign(x509, pair, EVP_sha256()) > 0;
}

void crypto_key_self_signed_pem(const struct crypto_key *key, const char *common_name,
                                struct buf *out)
{
    cleanup(x509_freep) X509 *x509 = X509_new();
    cleanup(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;

    if (!x509 || !bio)
        mem_exhausted();
    if (!fill_certificate(x509, key->pair, common_name) || PEM_write_bio_X509(bio, x509) != 1)
        crypto_library_failed("certificates");
    long len = BIO_get_mem_data(bio, &pem);
    buf_append(out, pem, (size_t)len);
}
