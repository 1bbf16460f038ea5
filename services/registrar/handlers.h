/* What is answered where; one file each. */
#ifndef SERVICES_REGISTRAR_HANDLERS_H
#define SERVICES_REGISTRAR_HANDLERS_H

#include "services/registrar/visit.h"

void on_landing_post(struct visit *visit); /* AWS Marketplace sends a buyer */
void on_landing_get(struct visit *visit);  /* somebody without a registration */
void on_page_get(struct visit *visit);
void on_page_post(struct visit *visit); /* the onboarding form */
void on_status_get(struct visit *visit);
void on_return_get(struct visit *visit); /* from the vendor's sign-up */

/* Finds the visit's subscription and goes on, or answers. In on_page.c. */
void visit_find(struct visit *visit, visit_next_fn *next);
enum state visit_state(const struct visit *visit);
/* Answers with the page, with the form and its problems if visit->answers are set. In on_page.c. */
void visit_show_page(struct visit *visit);

#endif
