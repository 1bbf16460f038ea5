#include "services/store/work/books.h"

bool books_is_our_product(const struct books *books, struct str product_code)
{
    return !books->settings || books->settings->products.count == 0 ||
           settings_product_by_code(books->settings, product_code) != NULL;
}
