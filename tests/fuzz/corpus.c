/* Feeds every file of the directories named to fuzz_one(). A directory may be missing, but there
 * must be files. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "tests/fuzz/fuzz.h"

static bool feed(const char *path)
{
    FILE *file = fopen(path, "re");
    struct stat status;

    if (!file || fstat(fileno(file), &status) < 0 || !S_ISREG(status.st_mode)) {
        if (file)
            fclose(file);
        return false;
    }
    size_t len = (size_t)status.st_size;
    char *bytes = mem_alloc(len ? len : 1);
    FUZZ_HOLDS(fread(bytes, 1, len, file) == len);
    fclose(file);
    /* Said first: whatever goes wrong next, it is known with which file. */
    printf("%s\n", path);
    fflush(stdout);
    fuzz_one(str_from(bytes, len));
    mem_free(bytes);
    return true;
}

static size_t feed_directory(const char *path)
{
    DIR *directory = opendir(path);
    size_t fed = 0;

    if (!directory)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        cleanup(mem_freep) char *file = mem_printf("%s/%s", path, entry->d_name);
        fed += feed(file);
    }
    closedir(directory);
    return fed;
}

int main(int argc, char **argv)
{
    size_t fed = 0;

    for (int i = 1; i < argc; i++)
        fed += feed_directory(argv[i]);
    printf("%zu inputs\n", fed);
    return fed > 0 ? 0 : 1;
}
