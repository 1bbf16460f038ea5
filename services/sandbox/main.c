/* entitled-sandbox: an AWS of one's own for development, demonstration and tests. It is no part of
 * a production system. */
#include "services/sandbox/sandbox.h"

int main(int argc, char **argv)
{
    return sandbox_main(argc, argv);
}
