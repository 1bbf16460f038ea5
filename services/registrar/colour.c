#include "services/registrar/colour.h"

#include <math.h>
#include <stdio.h>

#define READABLE 4.5

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int colour_parse(struct str text, struct colour *ret)
{
    size_t width = text.len == 7 ? 2 : 1;
    double parts[3];

    if ((text.len != 4 && text.len != 7) || text.ptr[0] != '#')
        return -1;
    for (size_t i = 0; i < 3; i++) {
        int high = digit_of(text.ptr[1 + i * width]);
        int low = digit_of(text.ptr[i * width + width]);
        if (high < 0 || low < 0)
            return -1;
        parts[i] = (high * 16 + low) / 255.0;
    }
    *ret = (struct colour){.red = parts[0], .green = parts[1], .blue = parts[2]};
    return 0;
}

const char *colour_format(struct colour colour, char text[COLOUR_TEXT_SIZE])
{
    snprintf(text, COLOUR_TEXT_SIZE, "#%02x%02x%02x", (unsigned)lround(colour.red * 255) & 0xFF,
             (unsigned)lround(colour.green * 255) & 0xFF,
             (unsigned)lround(colour.blue * 255) & 0xFF);
    return text;
}

/* WCAG 2.1, "relative luminance" and "contrast ratio". */
static double linear(double part)
{
    return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4);
}

static double luminance(struct colour colour)
{
    return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) +
           0.0722 * linear(colour.blue);
}

double colour_contrast(struct colour a, struct colour b)
{
    double x = luminance(a), y = luminance(b);

    return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}

struct colour colour_readable_on_white(struct colour colour)
{
    const struct colour white = {1, 1, 1};

    /* Black has a contrast of 21, so this ends. */
    while (colour_contrast(colour, white) < READABLE) {
        colour.red *= 0.95;
        colour.green *= 0.95;
        colour.blue *= 0.95;
    }
    return colour;
}
