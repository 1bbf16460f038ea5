/* Pages as text with gaps.
 *
 *   {{name}}                  the text of that name, always escaped for HTML
 *   {{#name}} ... {{/name}}   for each item of the list, or once if the text is not empty
 *   {{^name}} ... {{/name}}   if there is neither
 *   {{>name}}                 another template
 *
 * There is nothing else: no logic, and no way to put in a text unescaped. The built-in templates
 * are compiled in; a file of the same name in the vendor's directory replaces one, and a file named
 * after a page (docs/registration.md) makes that page its own.
 */
#ifndef SERVICES_REGISTRAR_TEMPLATES_H
#define SERVICES_REGISTRAR_TEMPLATES_H

#include "common/base/buf.h"
#include "common/base/embed.h"
#include "common/base/error.h"
#include "services/registrar/values.h"

struct templates;

/* directory may be empty. -1 names the file and line of what is wrong. */
int templates_load(struct templates **ret, const struct embedded_file *built_in,
                   const char *directory, struct error *error);
void templates_free(struct templates *templates); /* takes NULL */
bool templates_has(const struct templates *templates, const char *name);
/* Names as of files, "message.html". One that is not there renders nothing. */
void templates_render(const struct templates *templates, const char *name,
                      const struct values *values, struct buf *out);

#endif
