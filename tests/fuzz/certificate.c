/* Certificates as fetched: PEM, and (after "DER") the binary form of an issuer's. */
#include "common/base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/certificates.h"

static struct crypto_trust *trust(void)
{
    static struct crypto_trust *kept;
    struct error error = {""};

    if (!kept)
        FUZZ_HOLDS(crypto_trust_new(&kept, CERTIFICATE_FILE("root"), &error) == 0);
    return kept;
}

static void judge(struct crypto_certificate *certificate)
{
    cleanup(buf_done) struct buf url = BUF_INIT;
    struct error error = {""};

    crypto_certificate_verify(certificate, CRYPTO_DIGEST_SHA256, STR("data"), STR("signature"));
    crypto_certificate_is_valid_at(certificate, CERTIFICATES_NOW);
    crypto_certificate_is_for(certificate, STR("sns.us-east-1.amazonaws.com"));
    crypto_certificate_issuer_url(certificate, &url);
    if (crypto_certificate_check_chain(certificate, trust(), CERTIFICATES_NOW, &error) !=
        CRYPTO_CHAIN_GOOD)
        FUZZ_HOLDS(error.text[0]);
}

static void read_pem(struct str pem)
{
    struct crypto_certificate *certificate = NULL;
    struct error error = {""};

    if (crypto_certificate_parse(&certificate, pem, &error) < 0) {
        FUZZ_HOLDS(error.text[0]);
        return;
    }
    judge(certificate);
    crypto_certificate_free(certificate);
}

static void add_issuer(struct str der)
{
    cleanup(buf_done) struct buf pem = BUF_INIT;
    struct crypto_certificate *certificate = NULL;
    struct error error = {""};

    certificate_pem("leaf", &pem);
    FUZZ_HOLDS(crypto_certificate_parse(&certificate, buf_str(&pem), &error) == 0);
    if (crypto_certificate_add_issuer(certificate, der, &error) < 0)
        FUZZ_HOLDS(error.text[0]);
    judge(certificate);
    crypto_certificate_free(certificate);
}

void fuzz_one(struct str input)
{
    struct str der = STR("DER");

    if (str_starts_with(input, der))
        add_issuer(str_from(input.ptr + der.len, input.len - der.len));
    else
        read_pem(input);
}
