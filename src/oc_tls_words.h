/*
** oc_tls_words.h - what a TLS library's text means to a user, and what to do
** about it. Kind "pure": texts in, words out. Libcurl has few codes for many
** causes, so that only the text tells; it differs by library and version.
*/
#ifndef oc_tls_words_h
#define oc_tls_words_h

/* Why TLS failed, in words; static. NULL: the text must speak for itself. */
const char *oc_tls_words_reason(const char *text);

/* Did the network cut the handshake, so that another try may be worth it? */
int oc_tls_words_cut(const char *text);

/* Did the peer refuse us by an alert, behind its own handshake? */
int oc_tls_words_alert(const char *text);

#endif
