/* SPDX-License-Identifier: ISC */
/*
 * What the monitor's decoder says of each frame of a capture, one a line, for tshark_check.py.
 * usage: decode-dump FILE
 *
 * Exit status 0; 2 if the capture is not of Ethernet, 1 if it cannot be read at all. Frames behind
 * a broken record are left out, as tshark does.
 */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "services/monitor/decode.h"

static void print_address(const struct decoded *decoded, const uint8_t *address)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (decoded->family != DECODE_OTHER)
        inet_ntop(decoded->family == DECODE_IPV6 ? AF_INET6 : AF_INET, address, text, sizeof(text));
    printf("\t%s", text);
}

static void print_frame(unsigned long number, enum decode_result result,
                        const struct decoded *decoded)
{
    printf("%lu\t%s\t%u\t%u\t%u\t%u\t%u", number, decode_result_name(result), decoded->ethertype,
           decoded->tags, decoded->vid[0], decoded->vid[1], decoded->family);
    print_address(decoded, decoded->source);
    print_address(decoded, decoded->destination);
    printf("\t%u\t%u\t%u\t%u\t%u", decoded->protocol, decoded->ports, decoded->source_port,
           decoded->destination_port, decoded->tcp_flags);
    printf("\t%u\t%u\t%u\t%u", decoded->ip_length, decoded->payload, decoded->payload_length,
           decoded->payload_captured);
    printf("\t%u\t%u\t%u\t%u", decoded->fragment, decoded->fragment_at, decoded->more,
           decoded->fragment_id);
    printf("\t%u\t%u\t%u", decoded->icmp_type, decoded->icmp_code, decoded->arp_operation);
    printf("\t%u\t%u\t%u\t%u\n", decoded->sequence, decoded->acknowledgment, decoded->tos,
           decoded->ttl);
}

int main(int argc, char **argv)
{
    char why[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    unsigned long number = 0;
    pcap_t *pcap;

    if (argc != 2) {
        fprintf(stderr, "usage: decode-dump FILE\n");
        return EXIT_FAILURE;
    }
    pcap = pcap_open_offline(argv[1], why);
    if (!pcap) {
        fprintf(stderr, "decode-dump: %s\n", why);
        return EXIT_FAILURE;
    }
    if (pcap_datalink(pcap) != DLT_EN10MB) {
        pcap_close(pcap);
        return 2;
    }
    while (pcap_next_ex(pcap, &header, &data) == 1) {
        struct decoded decoded;
        enum decode_result result = decode_frame(data, header->caplen, header->len, &decoded);

        print_frame(++number, result, &decoded);
    }
    pcap_close(pcap);
    return EXIT_SUCCESS;
}
