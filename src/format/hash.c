/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader that lets bytes through and feeds them to SHA-256, which on the machines of today runs
 * at more than a gigabyte a second: cheap enough to verify every byte of every layer.
 */
#include "reader.h"

#include "../base/alloc.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

int lz_sha256_prepare(struct lz_err *err)
{
	unsigned char sum[32];

	/* No configuration file: nothing on this machine may change what a hash is. */
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) ||
	    !EVP_Digest("", 0, sum, NULL, EVP_sha256(), NULL))
		return lz_fail(err, LZ_E_NOMEM, "SHA-256 is not available");
	return 0;
}

struct sha_reader {
	struct lz_reader r;
	struct lz_reader *inner;
	EVP_MD_CTX *ctx;
	bool ended;
};

static int sha_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct sha_reader *s = (struct sha_reader *)(void *)r;
	int code = lz_reader_next(s->inner, ret, err);

	s->ended = code == 0;
	if (code <= 0)
		return code;
	if (!EVP_DigestUpdate(s->ctx, ret->p, ret->n))
		return lz_fail(err, LZ_E_BUG, "SHA-256 failed");
	__atomic_store_n(&r->offset, r->offset + ret->n, __ATOMIC_RELAXED);
	return 1;
}

static void sha_stop(struct lz_reader *r)
{
	struct sha_reader *s = (struct sha_reader *)(void *)r;

	if (s->inner->stop)
		s->inner->stop(s->inner);
}

static void sha_close(struct lz_reader *r)
{
	struct sha_reader *s = (struct sha_reader *)(void *)r;

	EVP_MD_CTX_free(s->ctx);
	lz_reader_close(s->inner);
	lz_free(s);
}

struct lz_reader *lz_reader_sha256(struct lz_reader *inner, struct lz_err *err)
{
	struct sha_reader *s = lz_alloc(sizeof(*s));

	if (s)
		s->ctx = EVP_MD_CTX_new();
	if (!s || !s->ctx || !EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL)) {
		if (s)
			EVP_MD_CTX_free(s->ctx);
		lz_free(s);
		lz_reader_close(inner);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	s->r = (struct lz_reader){
		.next = sha_next, .stop = sha_stop, .close = sha_close, .keeps = inner->keeps};
	s->inner = inner;
	return &s->r;
}

int lz_reader_sha256_final(struct lz_reader *r, unsigned char ret[32], struct lz_err *err)
{
	struct sha_reader *s = (struct sha_reader *)(void *)r;

	if (r->next != sha_next || !s->ended)
		return lz_fail(err, LZ_E_BUG, "SHA-256 of a stream that was not read to its end");
	s->ended = false;
	return EVP_DigestFinal_ex(s->ctx, ret, NULL) ? 0 : lz_fail(err, LZ_E_BUG, "SHA-256 failed");
}
