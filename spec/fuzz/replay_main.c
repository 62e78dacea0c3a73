/* replay_main.c - stands in for libFuzzer's main: hands every file of the given
 * folders (or the files themselves) to the target, in order of name. A crash is
 * the failure; the name of the file is written before it runs.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replayed, unreadable;

static void complain(const char *path) {
  printf("%s: cannot be read\n", path);
  unreadable++;
}

/* The bytes go into a block of exactly their size, so that ASan sees an
 * overrun by one. */
static void replay_file(const char *path, size_t size) {
  FILE *f = fopen(path, "rb");
  uint8_t *data = malloc(size ? size : 1);
  if (f == NULL || data == NULL || fread(data, 1, size, f) != size) {
    complain(path);
  } else {
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    replayed++;
  }
  free(data);
  if (f != NULL) fclose(f);
}

static void replay_path(const char *path);

static void replay_folder(const char *path) {
  struct dirent **names;
  int i, n = scandir(path, &names, NULL, alphasort);
  if (n < 0) {
    complain(path);
    return;
  }
  for (i = 0; i < n; i++) {
    const char *name = names[i]->d_name;
    char *full = name[0] == '.' ? NULL : malloc(strlen(path) + strlen(name) + 2);
    if (full != NULL) {
      sprintf(full, "%s/%s", path, name);
      replay_path(full);
    }
    free(full);
    free(names[i]);
  }
  free(names);
}

static void replay_path(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0) return; /* a target without a corpus yet */
  if (S_ISDIR(st.st_mode)) replay_folder(path);
  else replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv) {
  uint8_t *nothing = malloc(1);
  int i;
  if (nothing == NULL) return 1;
  nothing[0] = 0;
  LLVMFuzzerTestOneInput(nothing, 0);
  replayed++;
  free(nothing);
  for (i = 1; i < argc; i++) replay_path(argv[i]);
  printf("%d passed, %d failed\n", replayed, unreadable);
  return unreadable != 0;
}
