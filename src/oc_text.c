/*
** oc_text.c - what stands between the quotes of a JSON string.
*/
#include "oc_text.h"

#include <string.h>

/* Value of a hexadecimal digit, or -1. */
static int hex(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits at s as a code unit, or -1. */
static int hex4(const char *s) {
  int i, v = 0;
  for (i = 0; i < 4; i++) {
    const int h = hex(s[i]);
    if (h < 0)
      return -1;
    v = v * 16 + h;
  }
  return v;
}

/* Passes the escape at *p, a backslash. */
static enum oc_text_end pass_escape(const char **p, const char *end) {
  const char *s = *p;
  int i;
  if (end - s < 2)
    return OC_TEXT_MORE;
  if (s[1] != '\0' && strchr("\"\\/bfnrt", s[1]) != NULL) {
    *p = s + 2;
    return OC_TEXT_END;
  }
  if (s[1] != 'u')
    return OC_TEXT_ESCAPE;
  for (i = 2; i < 6; i++) {
    if (s + i == end)
      return OC_TEXT_MORE;
    if (hex(s[i]) < 0)
      return OC_TEXT_ESCAPE;
  }
  *p = s + 6;
  return OC_TEXT_END;
}

/*
** Passes one UTF-8 sequence of two to four bytes at *p. The second byte's range
** rules out overlong forms, surrogates and what lies above U+10FFFF.
*/
static enum oc_text_end pass_utf8(const char **p, const char *end) {
  const unsigned char *s = (const unsigned char *)*p;
  const ptrdiff_t have = end - *p;
  unsigned lo = 0x80, hi = 0xBF;
  int i, n;
  if (s[0] >= 0xC2 && s[0] <= 0xDF) n = 2;
  else if ((s[0] & 0xF0) == 0xE0) n = 3;
  else if (s[0] >= 0xF0 && s[0] <= 0xF4) n = 4;
  else return OC_TEXT_UTF8;
  if (s[0] == 0xE0) lo = 0xA0;
  else if (s[0] == 0xED) hi = 0x9F;
  else if (s[0] == 0xF0) lo = 0x90;
  else if (s[0] == 0xF4) hi = 0x8F;
  for (i = 1; i < n; i++) {
    if (i >= have)
      return OC_TEXT_MORE;
    if (s[i] < lo || s[i] > hi)
      return OC_TEXT_UTF8;
    lo = 0x80;
    hi = 0xBF;
  }
  *p += n;
  return OC_TEXT_END;
}

enum oc_text_end oc_text_utf8(const char **p, const char *end) {
  enum oc_text_end how = OC_TEXT_END;
  while (how == OC_TEXT_END && *p < end && (unsigned char)**p >= 0x80)
    how = pass_utf8(p, end);
  return how;
}

enum oc_text_end oc_text_scan(const char **p, const char *end, int *escaped) {
  for (;;) {
    enum oc_text_end how;
    unsigned char c;
    *p = oc_text_plain(*p, end);
    if (*p == end)
      return OC_TEXT_MORE;
    c = (unsigned char)**p;
    if (c == '"')
      return OC_TEXT_END;
    if (c < 0x20)
      return OC_TEXT_CONTROL;
    if (c == '\\') {
      *escaped = 1;
      how = pass_escape(p, end);
    } else {
      how = oc_text_utf8(p, end);
    }
    if (how != OC_TEXT_END)
      return how;
  }
}

static char *put_utf8(char *out, unsigned long c) {
  if (c < 0x80) {
    *out++ = (char)c;
  } else if (c < 0x800) {
    *out++ = (char)(0xC0 | (c >> 6));
    *out++ = (char)(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out++ = (char)(0xE0 | (c >> 12));
    *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
    *out++ = (char)(0x80 | (c & 0x3F));
  } else {
    *out++ = (char)(0xF0 | (c >> 18));
    *out++ = (char)(0x80 | ((c >> 12) & 0x3F));
    *out++ = (char)(0x80 | ((c >> 6) & 0x3F));
    *out++ = (char)(0x80 | (c & 0x3F));
  }
  return out;
}

/* The code point of the \u escape whose digits start at *s; moves *s behind. */
static unsigned long take_code_point(const char **s, const char *end) {
  const unsigned long high = (unsigned long)hex4(*s);
  *s += 4;
  if (high < 0xD800 || high > 0xDFFF)
    return high;
  if (high < 0xDC00 && end - *s >= 6 && (*s)[0] == '\\' && (*s)[1] == 'u') {
    const unsigned long low = (unsigned long)hex4(*s + 2);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      *s += 6;
      return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  return 0xFFFD;
}

size_t oc_text_unescape(char *out, const char *s, size_t n) {
  static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
  const char *end = s + n;
  char *o = out;
  while (s < end) {
    const char *slash = memchr(s, '\\', (size_t)(end - s));
    const size_t run = (size_t)((slash != NULL ? slash : end) - s);
    memcpy(o, s, run);
    o += run;
    if (slash == NULL)
      break;
    s = slash + 2;
    if (slash[1] == 'u') {
      o = put_utf8(o, take_code_point(&s, end));
    } else {
      const char *which = strchr(from, slash[1]);
      *o++ = which != NULL ? to[which - from] : slash[1];
    }
  }
  return (size_t)(o - out);
}

size_t oc_text_strip(char *out, const char *s, size_t n) {
  const char *end = s + n;
  char *o = out;
  while (s < end) {
    const char *from = s;
    int escaped = 0;
    if (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t') {
      s++;
      continue;
    }
    if (*s++ == '"') {
      oc_text_scan(&s, end, &escaped);  /* it was checked: this is its quote */
      s++;
    }
    memcpy(o, from, (size_t)(s - from));
    o += s - from;
  }
  return (size_t)(o - out);
}
