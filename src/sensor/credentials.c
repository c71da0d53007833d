/* SPDX-License-Identifier: Apache-2.0 */
/* Which files hold credentials, by their paths. */
#include "view_in.h"

struct credential {
	const char *kind;
	const char *part; /* anywhere in the path; NULL: no matter */
	const char *end;  /* at its end; NULL: no matter */
};

static const struct credential credentials[] = {
	{"ssh", "/.ssh/id_", NULL},
	{"ssh", "/.ssh/", ".pem"},
	{"ssh", "/etc/ssh/ssh_host_", "_key"},
	{"aws", NULL, "/.aws/credentials"},
	{"aws", "/.aws/sso/cache/", ".json"},
	{"aws", "/.aws/cli/cache/", ".json"},
	{"aws", "/eks.amazonaws.com/serviceaccount/", "/token"},
	{"gcloud", "/gcloud/", "credentials.db"},
	{"gcloud", "/gcloud/", "access_tokens.db"},
	{"gcloud", NULL, "/application_default_credentials.json"},
	{"gcloud", "/gcloud/legacy_credentials/", NULL},
	{"azure", "/.azure/", "/accessTokens.json"},
	{"azure", "/.azure/msal_token_cache", NULL},
	{"azure", "/.azure/service_principal_entries", NULL},
	{"azure", "/azure/tokens/", NULL},
	{"cloud", NULL, "/.boto"},
	{"cloud", NULL, "/.s3cfg"},
	{"cloud", NULL, "/rclone/rclone.conf"},
	{"cloud", "/.config/doctl/", "/config.yaml"},
	{"kubernetes", "/kubernetes.io/serviceaccount/", "/token"},
	{"kubernetes", NULL, "/.kube/config"},
	{"kubernetes", "/etc/kubernetes/", ".conf"},
	{"kubernetes", "/var/lib/kubelet/pki/", ".pem"},
	{"kubernetes", NULL, "/k3s/k3s.yaml"},
	{"docker", NULL, "/.docker/config.json"},
	{"docker", NULL, "/containers/auth.json"},
	{"git", NULL, "/.git-credentials"},
	{"git", NULL, "/git/credentials"},
	{"git", NULL, "/.config/gh/hosts.yml"},
	{"packages", NULL, "/.npmrc"},
	{"packages", NULL, "/.pypirc"},
	{"packages", "/.cargo/credentials", NULL},
	{"packages", NULL, "/.gem/credentials"},
	{"packages", NULL, "/.m2/settings.xml"},
	{"packages", NULL, "/.composer/auth.json"},
	{"database", NULL, "/.pgpass"},
	{"database", NULL, "/.my.cnf"},
	{"vault", NULL, "/.vault-token"},
	{"vault", NULL, "/credentials.tfrc.json"},
	{"gpg", "/.gnupg/private-keys", NULL},
	{"gpg", "/.gnupg/", "/secring.gpg"},
	{"browser", NULL, "/Login Data"},
	{"browser", NULL, "/logins.json"},
	{"browser", NULL, "/key4.db"},
	{"browser", NULL, "/cookies.sqlite"},
	{"system", NULL, "/etc/shadow"},
	{"system", NULL, "/etc/shadow-"},
	{"system", NULL, "/etc/gshadow"},
	{"system", NULL, "/etc/security/opasswd"},
	{"netrc", NULL, "/.netrc"},
	{"vpn", "/etc/wireguard/", ".conf"},
	{"vpn", "/etc/openvpn/", ".key"},
};

/* Its own is its own, but what a file is must not depend on who opens it (engine.c). */
static bool is_environment(struct lz_span path)
{
	return lz_span_search(path, LZ_SPAN("/proc/")) >= 0 && lz_span_ends(path, "/environ");
}

const char *lz_credential_kind(struct lz_span path)
{
	if (is_environment(path))
		return "environment";
	for (size_t i = 0; i < sizeof(credentials) / sizeof(credentials[0]); i++) {
		const struct credential *c = &credentials[i];
		if ((!c->part || lz_span_search(path, lz_str(c->part)) >= 0) &&
		    (!c->end || lz_span_ends(path, c->end)) && !lz_span_ends(path, ".pub"))
			return c->kind;
	}
	return NULL;
}
