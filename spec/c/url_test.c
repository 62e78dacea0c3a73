/* url_test.c - oc_url: taking apart, comparing, putting together, hiding. */
#include "oc_url.h"

#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The text a buffer holds, for CHECK_EQ_STR; valid until the next call. */
static const char *text(const oc_buf *b) {
  static char copy[1024];
  size_t n = b->n < sizeof copy ? b->n : sizeof copy - 1;
  if (n > 0)
    memcpy(copy, b->p, n);
  copy[n] = '\0';
  return copy;
}

static oc_url parsed(const char *s) {
  oc_url u;
  const char *why = "";
  CHECK_EQ_INT(oc_url_parse(&u, s, strlen(s), &why), OC_OK);
  if (!CHECK(why == NULL))
    printf("  %s: %s\n", s, why);
  return u;
}

static const char *complaint(const char *s) {
  oc_url u;
  const char *why = NULL;
  return oc_url_parse(&u, s, strlen(s), &why) == OC_OK ? "(fine)" : why;
}

/* --- parse --- */

#define CHECK_PART(part, want) CHECK_EQ_MEM((part).p, (part).n, (want), strlen(want))

static void test_parse_parts(void) {
  oc_url u = parsed("HTTPS://SP.example.com:8443/tenantui/a?b=c&d#e?f/g");
  CHECK_PART(u.scheme, "HTTPS");
  CHECK_PART(u.host, "SP.example.com");
  CHECK_PART(u.path, "/tenantui/a");
  CHECK_PART(u.query, "b=c&d");
  CHECK_PART(u.fragment, "e?f/g");
  CHECK_EQ_INT(u.port, 8443);
  CHECK(u.is_https && u.has_query && u.has_fragment && !u.has_userinfo);

  u = parsed("http://a");
  CHECK_PART(u.host, "a");
  CHECK_EQ_INT(u.path.n, 0);
  CHECK_EQ_INT(u.port, 80);
  CHECK(!u.is_https && !u.has_query && !u.has_fragment);

  u = parsed("https://a?#");
  CHECK_EQ_INT(u.port, 443);
  CHECK_EQ_INT(u.path.n, 0);
  CHECK(u.has_query && u.query.n == 0);
  CHECK(u.has_fragment && u.fragment.n == 0);

  u = parsed("http://[::1]:8080/x");
  CHECK_PART(u.host, "[::1]");
  CHECK_EQ_INT(u.port, 8080);
  CHECK_EQ_INT(parsed("http://a:/").port, 80);
  CHECK_EQ_INT(parsed("https://a:").port, 443);
  CHECK_EQ_INT(parsed("https://a:65535").port, 65535);
  CHECK_EQ_INT(parsed("https://a:00001").port, 1);
  CHECK_PART(parsed("http://under_score.a-b.c./").host, "under_score.a-b.c.");
  CHECK_PART(parsed("http://a//b@c:d").path, "//b@c:d");
}

static void test_parse_complaints(void) {
  static const char no_scheme[] = "has no scheme: it must begin with https:// or http://";
  static const char bad_host[] = "has a character in its host that does not belong there";
  static const char bad_port[] = "has an unusable port: it must be 1 to 65535";
  static const char bad_ipv6[] = "has an unusable IPv6 address as its host";
  static const struct {
    const char *url, *why;
  } rows[] = {
    {"", "is empty"},
    {"sp.example.com", no_scheme}, {"localhost:8080", no_scheme}, {"//a/b", no_scheme},
    {"/a", no_scheme}, {"://a", no_scheme}, {"1http://a", no_scheme}, {"https", no_scheme},
    {"mailto:a@b", no_scheme},
    {"ftp://a", "has a scheme other than https and http"},
    {"httpss://a", "has a scheme other than https and http"},
    {"http:a", "has no // behind its scheme"}, {"http:/a", "has no // behind its scheme"},
    {"http://", "has no host"}, {"http:///a", "has no host"}, {"http://:80", "has no host"},
    {"http://?a", "has no host"}, {"http://u@/", "has no host"},
    {"http://a:0", bad_port}, {"http://a:65536", bad_port}, {"http://a:8o", bad_port},
    {"http://a:-1", bad_port}, {"http://a:80:80", bad_port}, {"http://::1/", "has no host"},
    {"http://a:99999999999999999999", bad_port}, {"http://[::1]:x", bad_port},
    {"http://a b", "has a blank in it"}, {"http://a/ ", "has a blank in it"},
    {" http://a", "has a blank in it"},
    {"http://a/\r\nHost: b", "has a control character in it"},
    {"http://a/\t", "has a control character in it"},
    {"http://a/\x7f", "has a control character in it"},
    {"http://b\xc3\xbc" "cher.example", "has a character outside ASCII in it: percent-encode it"},
    {"http://a\\@b", "has a backslash in it"}, {"http://a/b\\c", "has a backslash in it"},
    {"http://a%2eb", bad_host}, {"http://a!b", bad_host}, {"http://*", bad_host},
    {"http://a~b", bad_host}, {"http://a]", bad_host}, {"http://[::1]a", bad_host},
    {"http://a,b", bad_host}, {"http://<a>", bad_host},
    {"http://[::1", bad_ipv6}, {"http://[]", bad_ipv6}, {"http://[a]", bad_ipv6},
    {"http://[v1.a]", bad_ipv6}, {"http://[fe80::1%25eth0]", bad_ipv6},
    {"http://u@a", "has a user name or password in it, which is not allowed there"}
  };
  oc_url u;
  size_t i;
  for (i = 0; i < COUNT(rows); i++)
    CHECK_EQ_STR(complaint(rows[i].url), rows[i].why);
  CHECK_EQ_INT(oc_url_parse(&u, "http://a\0b", 10, NULL), OC_EBAD);
  CHECK_EQ_INT(oc_url_parse(&u, NULL, 0, NULL), OC_EBAD);
  CHECK_EQ_INT(oc_url_parse(&u, "http://ab", 8, NULL), OC_OK);
  CHECK_PART(u.host, "a");
}

static void test_parse_userinfo(void) {
  oc_url u;
  const char *s = "https://user:p@ss@sp.example.com:1/x?y";
  CHECK_EQ_INT(oc_url_parse(&u, s, strlen(s), NULL), OC_EBAD);
  CHECK_EQ_INT(u.has_userinfo, 1);
  CHECK_PART(u.userinfo, "user:p@ss");
  CHECK_PART(u.host, "sp.example.com");
  CHECK_PART(u.path, "/x");
  CHECK_EQ_INT(u.port, 1);
  CHECK_EQ_INT(oc_url_parse(&u, "https://@a", 10, NULL), OC_EBAD);
  CHECK(u.has_userinfo && u.userinfo.n == 0);
  CHECK_EQ_INT(oc_url_parse(&u, "https://u@a:x", 13, NULL), OC_EBAD);
  CHECK_EQ_INT(u.has_userinfo, 0);
  CHECK_EQ_INT(u.host.n, 0);
}

static void test_parse_ipv6(void) {
  static const char *const good[] = {
    "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8",
    "abcd:EF01::", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1::1.2.3.4", "::1.2.3.4",
    "1:2:3:4:5::1.2.3.4", "fe80::0001"
  };
  static const char *const bad[] = {
    ":", ":::", "1", "1:", ":1", "1:::2", "1::2::3", "::1::", "1::2:", "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "::g",
    "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4", "1.2.3.4::", "::1.2.3", "::1.2.3.4.5", "::1.2.3.256",
    "::01.2.3.4", "::1.2.3.4:5", "::1%eth0", "::1/64"
  };
  char url[80];
  size_t i;
  for (i = 0; i < COUNT(good); i++) {
    snprintf(url, sizeof url, "http://[%s]/", good[i]);
    if (!CHECK(strcmp(complaint(url), "(fine)") == 0))
      printf("  refused: %s\n", url);
  }
  for (i = 0; i < COUNT(bad); i++) {
    snprintf(url, sizeof url, "http://[%s]/", bad[i]);
    if (!CHECK(strcmp(complaint(url), "(fine)") != 0))
      printf("  accepted: %s\n", url);
  }
}

/* --- questions --- */

static int same(const char *a, const char *b) {
  oc_url x = parsed(a), y = parsed(b);
  CHECK_EQ_INT(oc_url_same_origin(&x, &y), oc_url_same_origin(&y, &x));
  return oc_url_same_origin(&x, &y);
}

static void test_same_origin(void) {
  oc_url failed;
  CHECK(same("https://a/b", "HTTPS://A:443/c?d#e"));
  CHECK(same("http://a", "http://a:80"));
  CHECK(same("http://a:", "http://a:080"));
  CHECK(same("https://[::A]:8443", "https://[::a]:8443/x"));
  CHECK(!same("http://a", "https://a"));
  CHECK(!same("http://a:443", "https://a"));
  CHECK(!same("https://a", "https://a:8443"));
  CHECK(!same("https://a", "https://a.b"));
  CHECK(!same("https://a", "https://b.a"));
  CHECK(!same("https://a", "https://a."));
  CHECK(!same("https://ab", "https://aB1"));
  oc_url_parse(&failed, "nonsense", 8, NULL);
  CHECK(!oc_url_same_origin(&failed, &failed));
}

static void test_loopback(void) {
  static const char *const near[] = {
    "http://localhost", "http://LocalHost:8080/x", "https://127.0.0.1", "http://127.255.255.255",
    "http://127.1.2.3:1", "http://[::1]", "http://[0:0:0:0:0:0:0:1]:99", "http://[0::0001]",
    "http://[::0.0.0.1]"
  };
  static const char *const far[] = {
    "http://localhost.example.com", "http://notlocalhost", "http://localhos", "http://localhost.",
    "http://a.localhost", "http://127.0.0.1.example.com", "http://127.0.0.1.", "http://127.0.0",
    "http://127.0.0.256", "http://127.0.0.01", "http://0127.0.0.1", "http://128.0.0.1",
    "http://1.127.0.0", "http://2130706433", "http://0x7f.0.0.1", "http://127.1", "http://[::]",
    "http://[::2]", "http://[1::1]", "http://[::1:0]", "http://[::ffff:127.0.0.1]", "http://0.0.0.0"
  };
  size_t i;
  for (i = 0; i < COUNT(near); i++) {
    oc_url u = parsed(near[i]);
    if (!CHECK(oc_url_is_loopback(&u)))
      printf("  %s\n", near[i]);
  }
  for (i = 0; i < COUNT(far); i++) {
    oc_url u = parsed(far[i]);
    if (!CHECK(!oc_url_is_loopback(&u)))
      printf("  %s\n", far[i]);
  }
}

/* --- encode, join, add_param --- */

static void test_encode(void) {
  static const char unreserved[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  oc_buf b;
  int c;
  oc_buf_init(&b, 1000);
  CHECK_EQ_INT(oc_url_encode(&b, unreserved, strlen(unreserved)), OC_OK);
  CHECK_EQ_STR(text(&b), unreserved);
  for (c = 0; c < 256; c++) {
    char byte = (char)c, want[4];
    if (c != 0 && strchr(unreserved, c) != NULL)
      continue;
    b.n = 0;
    snprintf(want, sizeof want, "%%%02X", (unsigned)c);
    CHECK_EQ_INT(oc_url_encode(&b, &byte, 1), OC_OK);
    CHECK_EQ_STR(text(&b), want);
  }
  CHECK_EQ_INT(oc_url_encode(&b, NULL, 0), OC_OK);
  oc_buf_free(&b);
}

static const char *joined(const char *base, const char *path) {
  static char copy[1024];
  oc_buf b;
  int status;
  oc_buf_init(&b, 200);
  oc_buf_adds(&b, ">");
  status = oc_url_join(&b, base, strlen(base), path, strlen(path));
  snprintf(copy, sizeof copy, "%s", status == OC_OK ? text(&b) + 1 : "(refused)");
  CHECK(status == OC_OK || b.n == 1);
  oc_buf_free(&b);
  return copy;
}

static void test_join(void) {
  CHECK_EQ_STR(joined("https://a/tenantui", "/api/v2/oc/lead"), "https://a/tenantui/api/v2/oc/lead");
  CHECK_EQ_STR(joined("https://a/tenantui/", "api/v2/oc/lead"), "https://a/tenantui/api/v2/oc/lead");
  CHECK_EQ_STR(joined("https://a/tenantui///", "///api"), "https://a/tenantui/api");
  CHECK_EQ_STR(joined("https://a", "api"), "https://a/api");
  CHECK_EQ_STR(joined("https://a/", "/api"), "https://a/api");
  CHECK_EQ_STR(joined("https://a///", "/api/"), "https://a/api/");
  CHECK_EQ_STR(joined("HTTPS://A:443/B%2f/", "/c"), "HTTPS://A:443/B%2f/c");
  CHECK_EQ_STR(joined("https://a/b/", ""), "https://a/b");
  CHECK_EQ_STR(joined("https://a", "/"), "https://a");
  CHECK_EQ_STR(joined("https://a/b", "api?v=2"), "https://a/b/api?v=2");
  CHECK_EQ_STR(joined("https://a/b", "../c"), "https://a/b/../c");
  CHECK_EQ_STR(joined("https://a?", "api"), "(refused)");
  CHECK_EQ_STR(joined("https://a/b?c=d", "api"), "(refused)");
  CHECK_EQ_STR(joined("https://a#", "api"), "(refused)");
  CHECK_EQ_STR(joined("https://u@a", "api"), "(refused)");
  CHECK_EQ_STR(joined("a/b", "api"), "(refused)");
  CHECK_EQ_STR(joined("", ""), "(refused)");
  CHECK_EQ_STR(joined("https://a", "api#x"), "(refused)");
  CHECK_EQ_STR(joined("https://a", "a b"), "(refused)");
  CHECK_EQ_STR(joined("https://a", "a\\b"), "(refused)");
  CHECK_EQ_STR(joined("https://a", "a\r\nb"), "(refused)");
}

static void test_add_param(void) {
  oc_buf b;
  oc_buf_init(&b, 1000);
  oc_buf_adds(&b, "https://a/b");
  CHECK_EQ_INT(oc_url_add_param(&b, "PageSize", "200", 3), OC_OK);
  CHECK_EQ_INT(oc_url_add_param(&b, "Page Number", "a&b=c?#+", 8), OC_OK);
  CHECK_EQ_INT(oc_url_add_param(&b, "msTenantId", "\0\xc3\xa9", 3), OC_OK);
  CHECK_EQ_INT(oc_url_add_param(&b, "e", NULL, 0), OC_OK);
  CHECK_EQ_STR(text(&b), "https://a/b?PageSize=200&Page%20Number=a%26b%3Dc%3F%23%2B"
                         "&msTenantId=%00%C3%A9&e=");
  b.n = 0;
  oc_buf_adds(&b, "https://a/b?");
  CHECK_EQ_INT(oc_url_add_param(&b, "c", "d", 1), OC_OK);
  CHECK_EQ_STR(text(&b), "https://a/b?c=d");
  oc_buf_adds(&b, "&");
  CHECK_EQ_INT(oc_url_add_param(&b, "e", "f", 1), OC_OK);
  CHECK_EQ_STR(text(&b), "https://a/b?c=d&e=f");
  oc_buf_adds(&b, "#g");
  CHECK_EQ_INT(oc_url_add_param(&b, "h", "i", 1), OC_EBAD);
  CHECK_EQ_STR(text(&b), "https://a/b?c=d&e=f#g");
  oc_buf_free(&b);
}

/* --- resolve --- */

static const char *resolved(const char *base, const char *ref) {
  static char copy[1024];
  oc_buf b;
  int status;
  oc_buf_init(&b, 200);
  oc_buf_adds(&b, ">");
  status = oc_url_resolve(&b, base, strlen(base), ref, strlen(ref));
  snprintf(copy, sizeof copy, "%s", status == OC_OK ? text(&b) + 1 : "(refused)");
  CHECK(status == OC_OK || b.n == 1);
  oc_buf_free(&b);
  return copy;
}

/* All of RFC 3986 5.4.1 and 5.4.2, with fragments dropped, and other schemes
** and the loophole "http:g" refused. */
static void test_resolve_rfc3986(void) {
  static const char *const rows[][2] = {
    {"g:h", "(refused)"}, {"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"}, {"/g", "http://a/g"}, {"//g", "http://g"},
    {"?y", "http://a/b/c/d;p?y"}, {"g?y", "http://a/b/c/g?y"}, {"#s", "http://a/b/c/d;p?q"},
    {"g#s", "http://a/b/c/g"}, {"g?y#s", "http://a/b/c/g?y"}, {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"}, {"g;x?y#s", "http://a/b/c/g;x?y"}, {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"}, {"./", "http://a/b/c/"}, {"..", "http://a/b/"},
    {"../", "http://a/b/"}, {"../g", "http://a/b/g"}, {"../..", "http://a/"},
    {"../../", "http://a/"}, {"../../g", "http://a/g"},
    {"../../../g", "http://a/g"}, {"../../../../g", "http://a/g"}, {"/./g", "http://a/g"},
    {"/../g", "http://a/g"}, {"g.", "http://a/b/c/g."}, {".g", "http://a/b/c/.g"},
    {"g..", "http://a/b/c/g.."}, {"..g", "http://a/b/c/..g"}, {"./../g", "http://a/b/g"},
    {"./g/.", "http://a/b/c/g/"}, {"g/./h", "http://a/b/c/g/h"}, {"g/../h", "http://a/b/c/h"},
    {"g;x=1/./y", "http://a/b/c/g;x=1/y"}, {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/./x", "http://a/b/c/g?y/./x"}, {"g?y/../x", "http://a/b/c/g?y/../x"},
    {"g#s/./x", "http://a/b/c/g"}, {"g#s/../x", "http://a/b/c/g"}, {"http:g", "(refused)"}
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++)
    if (!CHECK_EQ_STR(resolved("http://a/b/c/d;p?q", rows[i][0]), rows[i][1]))
      printf("  for %s\n", rows[i][0]);
}

static void test_resolve_more(void) {
  CHECK_EQ_STR(resolved("http://a", "g"), "http://a/g");
  CHECK_EQ_STR(resolved("http://a", ""), "http://a");
  CHECK_EQ_STR(resolved("http://a", "?x"), "http://a?x");
  CHECK_EQ_STR(resolved("http://a?x", "g"), "http://a/g");
  CHECK_EQ_STR(resolved("http://a", ".."), "http://a/");
  CHECK_EQ_STR(resolved("http://a/b?", ""), "http://a/b?");
  CHECK_EQ_STR(resolved("http://a/b?c", "?"), "http://a/b?");
  CHECK_EQ_STR(resolved("http://a/b#c", "#d"), "http://a/b");
  CHECK_EQ_STR(resolved("http://a/b/../c", "d"), "http://a/d");
  CHECK_EQ_STR(resolved("http://a/b//c", "../d"), "http://a/b/d");
  CHECK_EQ_STR(resolved("http://a:8080/b", "/c"), "http://a:8080/c");
  CHECK_EQ_STR(resolved("http://a/b", "https://g:1/../h/./i?j#k"), "https://g:1/h/i?j");
  CHECK_EQ_STR(resolved("http://a/b", "HTTP://G"), "HTTP://G");
  CHECK_EQ_STR(resolved("https://a/b", "//g:1/h"), "https://g:1/h");
  CHECK_EQ_STR(resolved("http://a/b", "/..//g"), "http://a//g");
  CHECK_EQ_STR(resolved("http://a/b", "c:80"), "(refused)");
  CHECK_EQ_STR(resolved("http://a/b", "./c:80"), "http://a/c:80");
}

static void test_resolve_refused(void) {
  static const char *const refs[] = {
    "http:/..//evil", "https:g", "http:", "//", "///g", "http://", "//u@g", "https://u:p@g/",
    "//g:99999", "//g:0", "ftp://g", "javascript:x", "file:///etc/passwd", "//g%2e", "//[::1",
    "a b", "a\tb", "a\nb", "a\\b", "/\\g", "\xc3\xa9", "http://a/\x01"
  };
  size_t i;
  for (i = 0; i < COUNT(refs); i++)
    if (!CHECK_EQ_STR(resolved("http://a/b", refs[i]), "(refused)"))
      printf("  for %s\n", refs[i]);
  CHECK_EQ_STR(resolved("a/b", "http://c"), "(refused)");
  CHECK_EQ_STR(resolved("http://u@a/b", "/c"), "(refused)");
  CHECK_EQ_STR(resolved("", ""), "(refused)");
}

/* --- redact, origin --- */

static const char *redacted(const char *url) {
  static char copy[1024];
  oc_buf b;
  oc_buf_init(&b, 200);
  oc_buf_adds(&b, ">");
  CHECK_EQ_INT(oc_url_redact(&b, url, strlen(url)), OC_OK);
  snprintf(copy, sizeof copy, "%s", text(&b) + 1);
  oc_buf_free(&b);
  return copy;
}

static void test_redact(void) {
  CHECK_EQ_STR(redacted("https://SP.example.com:443/tenantui/x?a=secret#y"),
               "https://sp.example.com/tenantui/x");
  CHECK_EQ_STR(redacted("http://a:8080"), "http://a:8080");
  CHECK_EQ_STR(redacted("https://user:secret@a/b?c"), "https://a/b");
  CHECK_EQ_STR(redacted("https://user:se@cret@a:1/b"), "https://a:1/b");
  CHECK_EQ_STR(redacted("https://user:12/cret@a/b"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("https://user:12?cret@a/b"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("https://user:12#cret@a/b"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("https://u:p@ss/word@a/"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("https://user:secret/x@a"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("https://user:secret"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("secret"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("user:secret@a"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted(""), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("https://a/\x1b[31m"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("https://a/\nx"), OC_URL_HIDDEN);
  CHECK_EQ_STR(redacted("ftp://a/b"), OC_URL_HIDDEN);
}

static void test_origin(void) {
  static const char *const rows[][2] = {
    {"https://A.b:443/c?d", "https://a.b"}, {"http://A:80", "http://a"},
    {"HTTP://a:443", "http://a:443"}, {"https://a:80/", "https://a:80"},
    {"https://[ABCD::1]:65535", "https://[abcd::1]:65535"}, {"http://a:", "http://a"}
  };
  oc_buf b;
  size_t i;
  oc_buf_init(&b, 100);
  for (i = 0; i < COUNT(rows); i++) {
    oc_url u = parsed(rows[i][0]);
    b.n = 0;
    CHECK_EQ_INT(oc_url_origin(&b, &u), OC_OK);
    CHECK_EQ_STR(text(&b), rows[i][1]);
  }
  oc_buf_free(&b);
}

/* --- ceilings: each writer, at every size that is too small --- */

static int write_case(int which, oc_buf *b) {
  oc_url u;
  switch (which) {
    case 0: return oc_url_encode(b, "a b/c", 5);
    case 1: return oc_url_join(b, "https://a/b/", 12, "c", 1);
    case 2: return oc_url_add_param(b, "n a", "v/1", 3);
    case 3: return oc_url_resolve(b, "https://a/b/c?d", 15, "../e/./f?g", 10);
    case 4: return oc_url_redact(b, "https://u:p@A:8443/b?c", 22);
    case 5: return oc_url_redact(b, "nonsense", 8);
    default:
      oc_url_parse(&u, "https://A:8443/b?c", 18, NULL);
      return oc_url_origin(b, &u);
  }
}

static void test_ceilings(void) {
  int which;
  for (which = 0; which < 7; which++) {
    oc_buf whole;
    size_t max;
    oc_buf_init(&whole, 1000);
    CHECK_EQ_INT(write_case(which, &whole), OC_OK);
    /* resolve writes the path before its dot segments go: it may need more */
    for (max = 0; max < whole.n; max++) {
      oc_buf b;
      oc_buf_init(&b, max + 3);
      oc_buf_adds(&b, "old");
      CHECK_EQ_INT(write_case(which, &b), OC_ELIMIT);
      CHECK_EQ_MEM(b.p, b.n, "old", 3);
      oc_buf_free(&b);
    }
    oc_buf_free(&whole);
  }
}

int main(void) {
  test_parse_parts();
  test_parse_complaints();
  test_parse_userinfo();
  test_parse_ipv6();
  test_same_origin();
  test_loopback();
  test_encode();
  test_join();
  test_add_param();
  test_resolve_rfc3986();
  test_resolve_more();
  test_resolve_refused();
  test_redact();
  test_origin();
  test_ceilings();
  return check_done();
}
