/* SPDX-License-Identifier: MIT */
/* The least that a guest can do: what remains is the price of the sandbox. */
int main(void)
{
    return 0;
}
