/* Digests, message authentication, signatures, random bytes. Sole user of OpenSSL.
 *
 * Failure of the library itself (no entropy, no SHA-256) ends the process: nothing sensible can go
 * on without it.
 */
#ifndef COMMON_CRYPTO_CRYPTO_H
#define COMMON_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/str.h"

#define CRYPTO_SHA256_SIZE 32
#define CRYPTO_MD5_SIZE    16

void crypto_sha256(struct str data, unsigned char digest[CRYPTO_SHA256_SIZE]);
void crypto_md5(struct str data, unsigned char digest[CRYPTO_MD5_SIZE]); /* SQS's MD5OfBody only */
void crypto_hmac_sha256(struct str key, struct str data, unsigned char mac[CRYPTO_SHA256_SIZE]);
bool crypto_equal(struct str a, struct str b); /* in constant time for equal lengths */
void crypto_random(void *bytes, size_t len);

/* All append to out. */
void crypto_hex(struct buf *out, const void *bytes, size_t len); /* lower case */
void crypto_base64(struct buf *out, struct str bytes);
void crypto_base64url(struct buf *out, struct str bytes); /* no padding, RFC 7515 */
/* -1 if the text is not what it should be; out may then hold part of it. */
int crypto_base64_decode(struct buf *out, struct str text);
int crypto_base64url_decode(struct buf *out, struct str text);

/* RSA PKCS#1 v1.5, as SNS signs: digest is SHA-1 for signature version 1, SHA-256 for version 2. */
enum crypto_digest { CRYPTO_DIGEST_SHA1, CRYPTO_DIGEST_SHA256 };

struct crypto_certificate;
/* The first of the text; what follows it may be the way to an authority. */
int crypto_certificate_parse(struct crypto_certificate **ret, struct str pem, struct error *error);
void crypto_certificate_free(struct crypto_certificate *certificate);
bool crypto_certificate_verify(const struct crypto_certificate *certificate,
                               enum crypto_digest digest, struct str data, struct str signature);

/* The authorities that are believed: the system's, and those of a file in PEM form if it is given.
 */
struct crypto_trust;
int crypto_trust_new(struct crypto_trust **ret, const char *ca_file, struct error *error);
void crypto_trust_free(struct crypto_trust *trust); /* takes NULL */

/* ISSUER_MISSING: neither with the certificate nor among the authorities. The error is set for both
 * failures. */
enum crypto_chain { CRYPTO_CHAIN_GOOD, CRYPTO_CHAIN_BAD, CRYPTO_CHAIN_ISSUER_MISSING };
enum crypto_chain crypto_certificate_check_chain(const struct crypto_certificate *certificate,
                                                 const struct crypto_trust *trust, int64_t now_s,
                                                 struct error *error);
bool crypto_certificate_is_valid_at(const struct crypto_certificate *certificate, int64_t now_s);
bool crypto_certificate_is_for(const struct crypto_certificate *certificate, struct str host);
/* Where its issuer's certificate is (RFC 5280, 4.2.2.1, caIssuers). Appends; false if it does not
 * say. */
bool crypto_certificate_issuer_url(const struct crypto_certificate *certificate, struct buf *out);
int crypto_certificate_add_issuer(struct crypto_certificate *certificate, struct str der,
                                  struct error *error);

/* A key pair with a self-signed certificate, for the sandbox's SNS. */
struct crypto_key;
struct crypto_key *crypto_key_new_rsa(void);
void crypto_key_free(struct crypto_key *key);
void crypto_key_sign(const struct crypto_key *key, enum crypto_digest digest, struct str data,
                     struct buf *out);
void crypto_key_self_signed_pem(const struct crypto_key *key, const char *common_name,
                                struct buf *out);

#endif
