/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 over the header and the section table, which holds a checksum of each section: whoever
 * checks the signature and the sums has checked every byte.
 */
#include "vdb_format.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>

static EVP_PKEY *load(const char *path, bool private, struct lz_err *err)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key;

	if (!f) {
		lz_fail_errno(err, "%s", path);
		return NULL;
	}
	key = private ? PEM_read_PrivateKey(f, NULL, NULL, NULL)
		      : PEM_read_PUBKEY(f, NULL, NULL, NULL);
	fclose(f);
	if (key && EVP_PKEY_id(key) == EVP_PKEY_ED25519)
		return key;
	EVP_PKEY_free(key);
	lz_fail(err, LZ_E_USAGE,
		"%s: not an Ed25519 %s key in PEM form (`openssl genpkey -algorithm ed25519`)",
		path, private ? "private" : "public");
	return NULL;
}

int lz_vdb_sign(const char *key_pem, struct lz_span bytes, unsigned char ret[LZ_VDB_SIGNATURE],
		struct lz_err *err)
{
	EVP_PKEY *key = load(key_pem, true, err);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = LZ_VDB_SIGNATURE;
	bool ok = key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(ctx, ret, &n, (const unsigned char *)bytes.p, bytes.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (!key)
		return err ? err->code : LZ_E_USAGE;
	EVP_PKEY_free(key);
	return ok ? 0 : lz_fail(err, LZ_E_BUG, "signing failed");
}

int lz_vdb_check_signature(const char *key_pem, struct lz_span bytes, struct lz_span signature,
			   struct lz_err *err)
{
	EVP_PKEY *key = load(key_pem, false, err);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
				   (const unsigned char *)bytes.p, bytes.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (!key)
		return err ? err->code : LZ_E_USAGE;
	EVP_PKEY_free(key);
	return ok ? 0
		  : lz_fail(err, LZ_E_DIGEST,
			    "the signature does not fit the database and this key");
}
