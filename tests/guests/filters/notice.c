/* SPDX-License-Identifier: MIT */
/* Gives every notice another subject and leaves the rest as it is. */
#include <stdio.h>

int main(void)
{
    puts("{\"subject\": \"Customised notice\"}");
    return 0;
}
