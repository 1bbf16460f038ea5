/* Whether a certificate is to be believed: its way to an authority, its dates, its names. */
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "common/base/mem.h"
#include "common/crypto/crypto.h"
#include "common/crypto/x509.h"

struct crypto_trust {
    X509_STORE *store;
};

int crypto_trust_new(struct crypto_trust **ret, const char *ca_file, struct error *error)
{
    X509_STORE *store = X509_STORE_new();

    if (!store)
        mem_exhausted();
    X509_STORE_set_default_paths(store);
    if (ca_file && X509_STORE_load_file(store, ca_file) != 1) {
        ERR_clear_error();
        X509_STORE_free(store);
        return error_set(error, "'%s' cannot be read as certificate authorities in PEM form",
                         ca_file);
    }
    ERR_clear_error();
    *ret = mem_alloc_zero(sizeof(**ret));
    (*ret)->store = store;
    return 0;
}

void crypto_trust_free(struct crypto_trust *trust)
{
    if (!trust)
        return;
    X509_STORE_free(trust->store);
    mem_free(trust);
}

static bool is_missing_issuer(int reason)
{
    return reason == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           reason == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           reason == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

enum crypto_chain crypto_certificate_check_chain(const struct crypto_certificate *certificate,
                                                 const struct crypto_trust *trust, int64_t now_s,
                                                 struct error *error)
{
    enum { BITS_112 = 2 }; /* as SSL_CTX_set_security_level(): RSA of 2048 bits, no SHA-1 */
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    if (!ctx ||
        X509_STORE_CTX_init(ctx, trust->store, certificate->x509, certificate->issuers) != 1)
        mem_exhausted();
    X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx), BITS_112);
    bool good = X509_verify_cert(ctx) == 1;
    int reason = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    if (good)
        return CRYPTO_CHAIN_GOOD;
    error_set(error, "the certificate cannot be trusted: %s",
              X509_verify_cert_error_string(reason));
    return is_missing_issuer(reason) ? CRYPTO_CHAIN_ISSUER_MISSING : CRYPTO_CHAIN_BAD;
}

bool crypto_certificate_is_valid_at(const struct crypto_certificate *certificate, int64_t now_s)
{
    time_t now = (time_t)now_s;

    /* X509_cmp_time() is -1 for a time that is not after the given one, 0 for one it cannot read.
     */
    return X509_cmp_time(X509_get0_notBefore(certificate->x509), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(certificate->x509), &now) > 0;
}

bool crypto_certificate_is_for(const struct crypto_certificate *certificate, struct str host)
{
    return X509_check_host(certificate->x509, host.ptr, host.len, X509_CHECK_FLAG_NO_WILDCARDS,
                           NULL) == 1;
}

static bool append_uri(const GENERAL_NAME *name, struct buf *out)
{
    if (name->type != GEN_URI)
        return false;
    const ASN1_STRING *uri = name->d.uniformResourceIdentifier;
    buf_append(out, ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
    return true;
}

bool crypto_certificate_issuer_url(const struct crypto_certificate *certificate, struct buf *out)
{
    AUTHORITY_INFO_ACCESS *access =
        X509_get_ext_d2i(certificate->x509, NID_info_access, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access) && !found; i++) {
        const ACCESS_DESCRIPTION *item = sk_ACCESS_DESCRIPTION_value(access, i);
        found = OBJ_obj2nid(item->method) == NID_ad_ca_issuers && append_uri(item->location, out);
    }
    AUTHORITY_INFO_ACCESS_free(access);
    ERR_clear_error();
    return found;
}

int crypto_certificate_add_issuer(struct crypto_certificate *certificate, struct str der,
                                  struct error *error)
{
    enum { ISSUERS_MAX = 8 };
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509 *issuer = der.len > 0 && der.len <= LONG_MAX ? d2i_X509(NULL, &at, (long)der.len) : NULL;

    ERR_clear_error();
    if (!issuer || sk_X509_num(certificate->issuers) >= ISSUERS_MAX) {
        X509_free(issuer);
        return error_set(error, "the issuer is not a certificate in DER form");
    }
    if (sk_X509_push(certificate->issuers, issuer) <= 0)
        mem_exhausted();
    return 0;
}
