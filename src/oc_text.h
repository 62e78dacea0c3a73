/*
** oc_text.h - what stands between the quotes of a JSON string.
** Finds its end, checks escapes and UTF-8, and takes escapes out. Knows nothing
** of the document around it.
*/
#ifndef oc_text_h
#define oc_text_h

#include <stddef.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum oc_text_end {
  OC_TEXT_END,      /* *p is the closing quote */
  OC_TEXT_MORE,     /* the bytes end within the string; go on from *p later */
  OC_TEXT_CONTROL,  /* *p is a control character that must be escaped */
  OC_TEXT_ESCAPE,   /* *p is a backslash that starts no JSON escape */
  OC_TEXT_UTF8      /* *p starts bytes that are not UTF-8 */
};

/*
** Goes from *p, which lies within a string, to the string's end or the first
** fault. Sets *escaped when it passes an escape; never clears it. Up to 16
** bytes behind end may be read (never judged): the buffer must be padded.
*/
enum oc_text_end oc_text_scan(const char **p, const char *end, int *escaped);

/*
** Passes the non-ASCII bytes from *p on: OC_TEXT_END at the first ASCII byte or
** at end, else as above. (Other scripts come in runs.)
*/
enum oc_text_end oc_text_utf8(const char **p, const char *end);

/*
** Writes the n bytes of a checked string to out without its escapes; the result
** is never longer than n. Half a surrogate pair becomes U+FFFD. Returns the
** length.
*/
size_t oc_text_unescape(char *out, const char *s, size_t n);

/*
** Writes checked JSON to out without the white space between its tokens; the
** result is never longer than n. Returns the length. Padding as for scan.
*/
size_t oc_text_strip(char *out, const char *s, size_t n);

/*
** Skips bytes that stand for themselves: the first byte that may not (a quote,
** backslash, control character or non-ASCII), or end.
*/
static inline const char *oc_text_plain(const char *p, const char *end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  const __m128i blank = _mm_set1_epi8(' ');  /* below: controls and, signed, what is not ASCII */
  while (p < end) {
    const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    const __m128i odd =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)),
                     _mm_cmplt_epi8(x, blank));
    const int mask = _mm_movemask_epi8(odd);
    if (mask != 0) {
      p += __builtin_ctz((unsigned)mask);
      return p < end ? p : end;
    }
    p += 16;
  }
  return end;
#else
  while (p < end) {
    const unsigned char c = (unsigned char)*p;
    if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
      return p;
    p++;
  }
  return end;
#endif
}

#endif
