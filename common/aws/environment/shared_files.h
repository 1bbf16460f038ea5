/* AWS's shared files, ~/.aws/config and ~/.aws/credentials ("AWS SDKs and Tools Reference Guide:
 * Shared config and credentials files").
 *
 * They are not ours, and other programs write to them: anything that is not understood is left out.
 * Using a profile reports what it lacks.
 */
#ifndef COMMON_AWS_ENVIRONMENT_SHARED_FILES_H
#define COMMON_AWS_ENVIRONMENT_SHARED_FILES_H

#include <stdbool.h>

#include "common/base/error.h"

struct shared_files;

enum shared_file { SHARED_CONFIG, SHARED_CREDENTIALS, SHARED_FILE_COUNT };

/* A file that does not exist is an empty one. */
int shared_files_read(struct shared_files **ret, struct error *error);
void shared_files_free(struct shared_files *files);
void shared_files_freep(struct shared_files **files);
/* NULL if absent. Profiles go by their bare name in both files; "services NAME" by that. What is
 * nested under a name goes by "name.inner". */
const char *shared_files_get(const struct shared_files *files, enum shared_file file,
                             const char *section, const char *name);
bool shared_files_has(const struct shared_files *files, const char *section);

#endif
