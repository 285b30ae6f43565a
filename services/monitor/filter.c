/* SPDX-License-Identifier: ISC */
#include "filter.h"

#include <errno.h>
#include <stdbool.h>

/* The parts of an instruction's code, as in the paper's table. */
enum {
    CLASS = 0x07,
    LD = 0x00,
    LDX = 0x01,
    ST = 0x02,
    STX = 0x03,
    ALU = 0x04,
    JMP = 0x05,
    RET = 0x06,
    MISC = 0x07,
    /* size of a load */
    W = 0x00,
    H = 0x08,
    B = 0x10,
    /* mode of a load */
    IMM = 0x00,
    ABS = 0x20,
    IND = 0x40,
    MEM = 0x60,
    LEN = 0x80,
    MSH = 0xa0,
    /* operation of ALU */
    ADD = 0x00,
    SUB = 0x10,
    MUL = 0x20,
    DIV = 0x30,
    OR = 0x40,
    AND = 0x50,
    LSH = 0x60,
    RSH = 0x70,
    NEG = 0x80,
    MOD = 0x90,
    XOR = 0xa0,
    /* of JMP */
    JA = 0x00,
    JEQ = 0x10,
    JGT = 0x20,
    JGE = 0x30,
    JSET = 0x40,
    /* what the accumulator meets */
    K = 0x00,
    X = 0x08,
    A = 0x10, /* of RET */
    /* of MISC */
    TAX = 0x00,
    TXA = 0x80,
};

#define WORDS 16U /* of scratch memory */

/* --- verification -------------------------------------------------------------------------------
 */

/* What is wrong with one instruction by itself; NULL: nothing. */
static const char *look(const struct filter_instruction *at, uint32_t behind)
{
    switch (at->code) {
    case LD | W | ABS:
    case LD | H | ABS:
    case LD | B | ABS:
    case LD | W | IND:
    case LD | H | IND:
    case LD | B | IND:
    case LD | W | LEN:
    case LD | IMM:
    case LDX | W | LEN:
    case LDX | IMM:
    case LDX | B | MSH:
    case RET | K:
    case RET | A:
    case MISC | TAX:
    case MISC | TXA:
        return NULL;
    case LD | MEM:
    case LDX | MEM:
    case ST:
    case STX:
        return at->k < WORDS ? NULL : "there is no such word of memory";
    case ALU | DIV | K:
    case ALU | MOD | K:
        return at->k ? NULL : "it divides by 0";
    case ALU | ADD | K:
    case ALU | SUB | K:
    case ALU | MUL | K:
    case ALU | OR | K:
    case ALU | AND | K:
    case ALU | LSH | K:
    case ALU | RSH | K:
    case ALU | XOR | K:
    case ALU | ADD | X:
    case ALU | SUB | X:
    case ALU | MUL | X:
    case ALU | DIV | X:
    case ALU | MOD | X:
    case ALU | OR | X:
    case ALU | AND | X:
    case ALU | LSH | X:
    case ALU | RSH | X:
    case ALU | XOR | X:
    case ALU | NEG:
        return NULL;
    case JMP | JA:
        return at->k < behind ? NULL : "it jumps out of the program";
    case JMP | JEQ | K:
    case JMP | JGT | K:
    case JMP | JGE | K:
    case JMP | JSET | K:
    case JMP | JEQ | X:
    case JMP | JGT | X:
    case JMP | JGE | X:
    case JMP | JSET | X:
        return at->jt < behind && at->jf < behind ? NULL : "it jumps out of the program";
    default:
        return "there is no such instruction";
    }
}

int filter_verify(const struct filter_instruction *program, unsigned count, const char **why,
                  unsigned *at)
{
    *at = 0;
    *why = !count ? "it is empty" : count > FILTER_MAX ? "it is too long" : NULL;
    /* Jumps go forward only, by how many instructions there are behind theirs. */
    for (unsigned i = 0; !*why && i < count; i++) {
        *at = i;
        *why = look(&program[i], count - 1 - i);
    }
    if (!*why && (program[count - 1].code & CLASS) != RET)
        *why = "the last one does not return";
    return *why ? -EINVAL : 0;
}

/* --- running ------------------------------------------------------------------------------------
 */

struct machine {
    const uint8_t *frame;
    size_t captured, length;
    uint32_t a, x;
    uint32_t memory[WORDS];
};

/* The big-endian number of @size bytes at @offset; false: the frame does not reach as far. */
static bool load(struct machine *machine, uint64_t offset, unsigned size)
{
    const uint8_t *from;

    if (offset + size > machine->captured)
        return false;
    from = machine->frame + offset;
    machine->a = 0;
    for (unsigned i = 0; i < size; i++)
        machine->a = machine->a << 8 | from[i];
    return true;
}

static bool run_load(struct machine *machine, const struct filter_instruction *at)
{
    switch (at->code) {
    case LD | W | ABS:
        return load(machine, at->k, 4);
    case LD | H | ABS:
        return load(machine, at->k, 2);
    case LD | B | ABS:
        return load(machine, at->k, 1);
    case LD | W | IND:
        return load(machine, (uint64_t)machine->x + at->k, 4);
    case LD | H | IND:
        return load(machine, (uint64_t)machine->x + at->k, 2);
    case LD | B | IND:
        return load(machine, (uint64_t)machine->x + at->k, 1);
    case LD | W | LEN:
        machine->a = (uint32_t)machine->length;
        return true;
    case LD | IMM:
        machine->a = at->k;
        return true;
    case LD | MEM:
        machine->a = machine->memory[at->k % WORDS];
        return true;
    case LDX | W | LEN:
        machine->x = (uint32_t)machine->length;
        return true;
    case LDX | IMM:
        machine->x = at->k;
        return true;
    case LDX | MEM:
        machine->x = machine->memory[at->k % WORDS];
        return true;
    default: /* LDX | B | MSH: the length of an IPv4 header */
        if (at->k >= machine->captured)
            return false;
        machine->x = (machine->frame[at->k] & 0xfU) * 4;
        return true;
    }
}

/* False: a division by 0. */
static bool run_alu(struct machine *machine, const struct filter_instruction *at)
{
    const uint32_t operand = at->code & X ? machine->x : at->k;
    uint32_t a = machine->a;

    switch (at->code & 0xf0) {
    case ADD:
        a += operand;
        break;
    case SUB:
        a -= operand;
        break;
    case MUL:
        a *= operand;
        break;
    case DIV:
    case MOD:
        if (!operand)
            return false;
        a = (at->code & 0xf0) == DIV ? a / operand : a % operand;
        break;
    case OR:
        a |= operand;
        break;
    case AND:
        a &= operand;
        break;
    case LSH:
        a = operand < 32 ? a << operand : 0;
        break;
    case RSH:
        a = operand < 32 ? a >> operand : 0;
        break;
    case XOR:
        a ^= operand;
        break;
    default: /* NEG */
        a = 0U - a;
        break;
    }
    machine->a = a;
    return true;
}

/* How many instructions to leave out. */
static uint32_t run_jump(const struct machine *machine, const struct filter_instruction *at)
{
    const uint32_t operand = at->code & X ? machine->x : at->k;
    bool taken;

    switch (at->code & 0xf0) {
    case JA:
        return at->k;
    case JEQ:
        taken = machine->a == operand;
        break;
    case JGT:
        taken = machine->a > operand;
        break;
    case JGE:
        taken = machine->a >= operand;
        break;
    default:
        taken = machine->a & operand;
        break;
    }
    return taken ? at->jt : at->jf;
}

uint32_t filter_run(const struct filter_instruction *program, const uint8_t *frame, size_t captured,
                    size_t length)
{
    struct machine machine = {.frame = frame, .captured = captured, .length = length};

    /* It ends: verified, it goes forward and the last one returns. */
    for (const struct filter_instruction *at = program;; at++) {
        bool good = true;

        switch (at->code & CLASS) {
        case LD:
        case LDX:
            good = run_load(&machine, at);
            break;
        case ST:
            machine.memory[at->k % WORDS] = machine.a;
            break;
        case STX:
            machine.memory[at->k % WORDS] = machine.x;
            break;
        case ALU:
            good = run_alu(&machine, at);
            break;
        case JMP:
            at += run_jump(&machine, at);
            break;
        case RET:
            return at->code & A ? machine.a : at->k;
        default: /* MISC */
            if (at->code & TXA)
                machine.a = machine.x;
            else
                machine.x = machine.a;
        }
        if (!good)
            return 0;
    }
}
