/* Memory that is there or the process is not.
 *
 * Running out of memory ends the process here and nowhere else, so no caller checks for NULL. Every
 * size that comes from outside is checked against a limit before it reaches these functions.
 */
#ifndef COMMON_BASE_MEM_H
#define COMMON_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_alloc_zero(size_t size);
void *mem_realloc(void *ptr, size_t size);
void *mem_alloc_array(size_t count, size_t size); /* zeroed; refuses overflow */
char *mem_strdup(const char *text);               /* NULL stays NULL */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *ptr);

/* Says that memory is gone and ends the process. */
_Noreturn void mem_exhausted(void);

/* Scope-exit clean-up: `cleanup(mem_freep) char *text = ...;` runs mem_freep(&text). */
#define cleanup(function) __attribute__((cleanup(function)))
void mem_freep(void *ptr_to_ptr);

/* Moves ownership out of a variable under cleanup(). */
#define take(variable)                                                                             \
    __extension__({                                                                                \
        __auto_type taken_ = (variable);                                                           \
        (variable) = NULL;                                                                         \
        taken_;                                                                                    \
    })

#endif
