/* The methods of the store that only need its books, by subject; see methods.def. */
#ifndef SERVICES_STORE_METHODS_HANDLERS_H
#define SERVICES_STORE_METHODS_HANDLERS_H

#include "services/store/work/books.h"

#define READS(method, handler)  work_fn handler;
#define WRITES(method, handler) work_fn handler;
#define SERVES(method, handler)
#include "services/store/methods/methods.def"
#undef READS
#undef WRITES
#undef SERVES

#endif
