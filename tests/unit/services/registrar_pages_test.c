/* The registration page in each of its states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "services/registrar/pages.h"

static struct settings_product products[] = {
    {.label = "main",
     .code = "code1",
     .name = "Fancy <Product>",
     .subscribe_url = "https://aws.amazon.com/marketplace/pp/prodview-1?a=1&b=2",
     .login_url = "",
     .support = "+1 206 555 0100"},
};
static const char *form_items[] = {"company:text:required", "phone:tel"};
static struct settings settings = {
    .entitled = {.support_email = "help@example.com", .support_url = ""},
    .registrar = {.public_url = "https://register.example.com/aws/",
                  .vendor_name = "Example & Sons",
                  .address = "127.0.0.1",
                  .login_url = "https://app.example.com/login",
                  .logo_url = "https://cdn.example.com/logo.svg",
                  .colour = "#ffff00",
                  .template_directory = "",
                  .form_fields = {form_items, 2},
                  .next_step = "We write to you within one day.",
                  .mode = "page",
                  .sign_up_secret = "",
                  .tls_certificate_file = "",
                  .tls_key_file = ""},
    .products = {products, 1},
};

static int open_site(void **state)
{
    static struct site site;

    settings.registrar.public_url = "https://register.example.com/aws/";
    *state = &site;
    return site_open(&site, &settings, "", NULL);
}

static int close_site(void **state)
{
    site_close(*state);
    return 0;
}

static bool holds(const struct buf *page, const char *text)
{
    return memmem(page->data, page->len, text, strlen(text)) != NULL;
}

/* Nothing that the content policy would forbid, and what a reader without eyes needs. */
static void assert_is_a_good_page(const struct buf *page)
{
    assert_true(str_starts_with(buf_str(page), STR("<!DOCTYPE html>\n<html lang=\"en\">")));
    assert_true(holds(page, "</html>"));
    assert_true(holds(page, "<title>"));
    assert_false(holds(page, "<script"));
    assert_false(holds(page, "style="));
    assert_false(holds(page, "{{"));
    assert_false(holds(page, "onclick"));
}

static void every_page_says_what_happened_and_what_to_do(void **state)
{
    const struct site *site = *state;

    for (int page = 0; page < PAGE_COUNT; page++) {
        struct arena arena = ARENA_INIT;
        cleanup(buf_done) struct buf html = BUF_INIT;
        assert_non_null(pages[page].name);
        page_render(site, (enum page)page, STR("trace-1"), &arena, &html);
        assert_is_a_good_page(&html);
        assert_true(holds(&html, pages[page].title));
        assert_true(holds(&html, "<h1>"));
        assert_true(holds(&html, "help@example.com"));
        assert_true(holds(&html, "https://app.example.com/login"));
        assert_true(holds(&html, "Example &amp; Sons"));
        assert_int_equal(holds(&html, "trace-1"), pages[page].status >= 400);
        assert_int_equal(holds(&html, "Fancy &lt;Product&gt;"), pages[page].how_to_subscribe);
        assert_true(pages[page].status >= 200 && pages[page].status < 600);
        assert_int_equal(pages[page].retry_after_s > 0,
                         pages[page].status == 503 || pages[page].status == 429);
        arena_done(&arena);
    }
}

static void statuses_of_the_server_have_pages(void **state)
{
    (void)state;

    assert_int_equal(page_of_status(413), PAGE_TOO_LARGE);
    assert_int_equal(page_of_status(408), PAGE_TIMEOUT);
    assert_int_equal(page_of_status(400), PAGE_BAD_REQUEST);
    assert_int_equal(page_of_status(431), PAGE_BAD_REQUEST);
}

static struct entitlement entitlement_items[] = {
    {.dimension = STR_INIT("seats"),
     .value = {.kind = VALUE_INTEGER, .integer = 10},
     .expires_at = 1795435200},
    {.dimension = STR_INIT("<b>"), .value = {.kind = VALUE_BOOLEAN, .boolean = true}},
    {.dimension = STR_INIT("ratio"), .value = {.kind = VALUE_DOUBLE, .number = 2.5}},
    {.dimension = STR_INIT("tier"),
     .value = {.kind = VALUE_STRING, .string = STR_INIT("\"gold\"")}},
};
static const struct subscription bought = {.id = STR_INIT("sub-1"),
                                           .product_code = STR_INIT("code1"),
                                           .account_id = STR_INIT("011122223333"),
                                           .entitlements = {entitlement_items, 4}};
static const struct contact_result no_contact = {0};

static void the_page_shows_what_was_bought(void **state)
{
    struct registration_view view = {.subscription = &bought,
                                     .state = STATE_ACTIVE,
                                     .contact = &no_contact,
                                     .show_form = true,
                                     .form_word = STR("word-1")};
    struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf html = BUF_INIT;

    registration_render(*state, &view, &arena, &html);
    assert_is_a_good_page(&html);
    assert_true(holds(&html, "Welcome to Fancy &lt;Product&gt;"));
    assert_true(holds(&html, "<th scope=\"row\">seats</th><td>10</td><td>23 November 2026</td>"));
    assert_true(holds(&html, "<th scope=\"row\">&lt;b&gt;</th><td>included</td>"));
    assert_true(holds(&html, "<td>2.5</td>"));
    assert_true(holds(&html, "<td>&quot;gold&quot;</td>"));
    assert_true(holds(&html, "Your subscription is active"));
    assert_true(holds(&html, "011122223333"));
    assert_true(holds(&html, "action=\"/aws/registration\""));
    assert_true(holds(&html, "value=\"word-1\""));
    assert_true(holds(&html, "<label for=\"f_email\">E-mail address</label>"));
    assert_true(holds(&html, "type=\"tel\""));
    assert_false(holds(&html, "http-equiv=\"refresh\""));
    assert_false(holds(&html, "<iframe"));
    arena_done(&arena);
}

static void a_pending_page_looks_again_without_losing_anything(void **state)
{
    struct subscription pending = bought;
    struct contact_field sent[] = {{STR("email"), STR("a@example.com")}};
    struct contact_result contact = {.fields = {sent, 1}};
    struct registration_view view = {.subscription = &pending,
                                     .state = STATE_PENDING,
                                     .contact = &no_contact,
                                     .show_form = true};
    struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf form = BUF_INIT, thanks = BUF_INIT, inner = BUF_INIT;

    pending.entitlements.count = 0;
    registration_render(*state, &view, &arena, &form);
    assert_false(holds(&form, "http-equiv=\"refresh\""));
    assert_true(holds(&form, "<iframe class=\"status\" src=\"/aws/registration/status?form=1\""));
    registration_status_render(*state, STATE_PENDING, true, &arena, &inner);
    assert_is_a_good_page(&inner);
    assert_true(holds(&inner, "http-equiv=\"refresh\""));
    assert_true(holds(&inner, "AWS is still preparing"));

    view.show_form = false;
    view.contact = &contact;
    registration_render(*state, &view, &arena, &thanks);
    assert_is_a_good_page(&thanks);
    assert_false(holds(&thanks, "http-equiv=\"refresh\""));
    assert_true(holds(&thanks, "<iframe class=\"status\" src=\"/aws/registration/status\""));
    assert_true(holds(&thanks, "Thank you, you are registered"));
    assert_true(holds(&thanks, "We write to you within one day."));
    assert_true(holds(&thanks, "a@example.com"));
    arena_done(&arena);
}

/* The page around it still says what it said when it was loaded: the two must agree. */
static void when_aws_is_done_the_page_around_does_not_contradict_it(void **state)
{
    struct subscription pending = bought;
    struct registration_view view = {.subscription = &pending,
                                     .state = STATE_PENDING,
                                     .contact = &no_contact,
                                     .show_form = true};
    struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf page = BUF_INIT, beside = BUF_INIT, alone = BUF_INIT;

    pending.entitlements.count = 0;
    registration_render(*state, &view, &arena, &page);
    assert_false(holds(&page, "still preparing"));
    assert_true(holds(&page, "as soon as AWS Marketplace has confirmed it"));
    registration_status_render(*state, STATE_ACTIVE, true, &arena, &beside);
    assert_false(holds(&beside, "http-equiv"));
    assert_true(holds(&beside, "when you have sent the form"));
    registration_status_render(*state, STATE_ACTIVE, false, &arena, &alone);
    assert_true(holds(&alone, "<a href=\"/aws/registration\" target=\"_top\">"));
    arena_done(&arena);
}

static void problems_are_marked_and_what_was_typed_stays(void **state)
{
    struct form_answer answers[] = {
        {.value = STR("not\"an address"), .problem = STR("This is not an e-mail address.")},
        {.value = STR("Acme")},
        {.value = STR("\xff"), .problem = STR("unreadable")},
    };
    struct registration_view view = {.subscription = &bought,
                                     .state = STATE_ACTIVE,
                                     .contact = &no_contact,
                                     .show_form = true,
                                     .answers = answers};
    struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf html = BUF_INIT;

    registration_render(*state, &view, &arena, &html);
    assert_is_a_good_page(&html);
    assert_true(str_is_utf8(buf_str(&html)));
    /* Before everything else, and in the title. */
    const char *alert = strstr(html.data, "role=\"alert\"");
    assert_non_null(alert);
    assert_true(alert < strstr(html.data, "Your subscription is active"));
    assert_non_null(
        strstr(alert, "<a href=\"#f_email\">E-mail address</a>: This is not an e-mail"));
    assert_true(holds(&html, "<title>Please correct: "));
    assert_true(holds(&html, "value=\"not&quot;an address\""));
    assert_true(holds(&html, "aria-describedby=\"p_email\""));
    assert_true(
        holds(&html, "<p class=\"problem\" id=\"p_email\">This is not an e-mail address.</p>"));
    assert_true(holds(&html, "value=\"Acme\""));
    arena_done(&arena);
}

static void ended_and_unpaid_say_so(void **state)
{
    struct registration_view view = {
        .subscription = &bought, .state = STATE_ENDED, .contact = &no_contact, .show_form = true};
    struct arena arena = ARENA_INIT;
    cleanup(buf_done) struct buf ended = BUF_INIT, unpaid = BUF_INIT, known = BUF_INIT;
    struct contact_field sent[] = {{STR("email"), STR("a@example.com")}};
    struct contact_result contact = {.fields = {sent, 1}};

    static const char *const welcoming[] = {"Welcome",
                                            "<form",
                                            "How can we reach you",
                                            "Thank you, you are registered",
                                            "log in and start",
                                            "Valid until",
                                            "goes on after this date"};

    registration_render(*state, &view, &arena, &ended);
    assert_is_a_good_page(&ended);
    assert_true(holds(&ended, "This subscription has ended."));
    assert_true(
        holds(&ended, "href=\"https://aws.amazon.com/marketplace/pp/prodview-1?a=1&amp;b=2\""));
    view.state = STATE_PAYMENT_FAILED;
    registration_render(*state, &view, &arena, &unpaid);
    assert_true(holds(&unpaid, "could not take the payment"));
    assert_true(holds(&unpaid, "<h1>Your subscription to Fancy &lt;Product&gt;</h1>"));
    /* Also not who registered before. */
    view.contact = &contact;
    view.show_form = false;
    registration_render(*state, &view, &arena, &known);
    assert_true(holds(&known, "a@example.com"));
    for (size_t i = 0; i < sizeof(welcoming) / sizeof(welcoming[0]); i++) {
        assert_false(holds(&ended, welcoming[i]));
        assert_false(holds(&unpaid, welcoming[i]));
        assert_false(holds(&known, welcoming[i]));
    }
    arena_done(&arena);
}

static void addresses_come_from_the_public_url(void **state)
{
    const struct site *site = *state;
    struct site root;

    assert_true(str_eq(site->path, STR("/aws/")));
    assert_true(str_eq(site->base, STR("/aws")));
    assert_true(str_eq(site->page_url, STR("https://register.example.com/aws/registration")));
    assert_true(site->secure);
    assert_true(str_eq(site_path_below(site, STR("/aws/registration")), STR("/registration")));
    assert_true(str_is_empty(site_path_below(site, STR("/other"))));
    assert_non_null(strstr(site->policy.ptr, "img-src 'self' https://cdn.example.com;"));

    settings.registrar.public_url = "";
    assert_int_equal(site_open(&root, &settings, "http://127.0.0.1:8080", NULL), 0);
    assert_true(str_eq(root.path, STR("/")));
    assert_true(str_eq(root.base, STR("")));
    assert_true(str_eq(root.page_url, STR("http://127.0.0.1:8080/registration")));
    assert_false(root.secure);
    site_close(&root);
}

static void the_vendors_colour_is_made_readable(void **state)
{
    const struct site *site = *state;

    assert_null(strstr(site->stylesheet.ptr, "#ffff00"));
    assert_non_null(strstr(site->stylesheet.ptr, "--brand: #"));
}

static void plain_http_stays_on_loopback(void **state)
{
    (void)state;
    struct settings other = settings;
    struct error error = {""};

    other.registrar.public_url = "https://register.example.com/";
    assert_int_equal(site_check(&other, &error), 0);
    other.registrar.address = "0.0.0.0";
    assert_int_equal(site_check(&other, &error), -1);
    assert_non_null(strstr(error.text, "in the clear"));
    assert_int_equal(site_check(&other, &error), -1);
    other.registrar.tls_certificate_file = "/etc/x.pem";
    assert_int_equal(site_check(&other, &error), 0);
    other.registrar.public_url = "";
    assert_int_equal(site_check(&other, &error), -1);
    other.registrar.address = "::1";
    assert_int_equal(site_check(&other, &error), 0);
    other.registrar.mode = "redirect";
    other.registrar.sign_up_secret = "short";
    assert_int_equal(site_check(&other, &error), -1);
    other.registrar.mode = "page";
    other.registrar.sign_up_secret = "";
    other.products.count = 0;
    assert_int_equal(site_check(&other, &error), -1);
}

static void dates_are_for_people(void **state)
{
    (void)state;
    char text[PAGE_DATE_SIZE];

    assert_string_equal(page_format_date(1795435200, text), "23 November 2026");
    assert_string_equal(page_format_date(0, text), "");
    assert_string_equal(page_format_date(INT64_MAX, text), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_says_what_happened_and_what_to_do),
        cmocka_unit_test(statuses_of_the_server_have_pages),
        cmocka_unit_test(the_page_shows_what_was_bought),
        cmocka_unit_test(a_pending_page_looks_again_without_losing_anything),
        cmocka_unit_test(when_aws_is_done_the_page_around_does_not_contradict_it),
        cmocka_unit_test(problems_are_marked_and_what_was_typed_stays),
        cmocka_unit_test(ended_and_unpaid_say_so),
        cmocka_unit_test(addresses_come_from_the_public_url),
        cmocka_unit_test(the_vendors_colour_is_made_readable),
        cmocka_unit_test(plain_http_stays_on_loopback),
        cmocka_unit_test(dates_are_for_people),
    };

    return cmocka_run_group_tests(tests, open_site, close_site);
}
