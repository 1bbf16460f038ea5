/* For the files of this folder only: what a certificate holds. */
#ifndef COMMON_CRYPTO_X509_H
#define COMMON_CRYPTO_X509_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct crypto_certificate {
    X509 *x509;
    STACK_OF(X509) * issuers; /* what came with it; believed only as far as the trust goes */
    EVP_PKEY *public_key;
};

#endif
