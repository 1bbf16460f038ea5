/* For the files of this folder only: what to do when OpenSSL itself fails. */
#ifndef COMMON_CRYPTO_LIBRARY_H
#define COMMON_CRYPTO_LIBRARY_H

_Noreturn void crypto_library_failed(const char *what);

#endif
