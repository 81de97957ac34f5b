// One file over the NRL's NORM, acknowledged by every receiver.
//
//   nrl send INTERFACE FILE RECEIVERS MBIT_PER_SECOND SEGMENT PARITY
//                                          at a rate of 0 with congestion control
//   nrl recv INTERFACE FILE NUMBER          stays until it is killed

#include <cstdint>

#include <normApi.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>

static const unsigned SPACE = 512u << 20, SOCKET = 64u << 20, FIRST_ID = 100;
static const unsigned SENDER = 1, BLOCK = 64;

static NormSessionHandle open_session(NormInstanceHandle instance, unsigned id, const char* interface)
{
    NormSessionHandle session = NormCreateSession(instance, "239.1.2.4", 6003, id);
    NormSetMulticastInterface(session, interface);
    return session;
}

static int send_file(NormInstanceHandle instance, char** words)
{
    NormSessionHandle session = open_session(instance, SENDER, words[2]);
    unsigned receivers = atoi(words[4]);
    double rate = atof(words[5]) * 1e6;
    if (rate > 0) NormSetTxRate(session, rate);
    NormSetCongestionControl(session, rate == 0);
    NormSetGrttEstimate(session, 0.005);
    NormSetGroupSize(session, 10);
    NormSetBackoffFactor(session, 2.0);
    NormSetTxRobustFactor(session, 20);
    for (unsigned i = 1; i <= receivers; i++) NormAddAckingNode(session, FIRST_ID + i);
    if (!NormStartSender(session, 1, SPACE, atoi(words[6]), BLOCK, atoi(words[7]))) return 1;
    NormSetTxSocketBuffer(session, SOCKET);
    NormObjectHandle file = NormFileEnqueue(session, words[3], "file", 4);
    if (file == NORM_OBJECT_INVALID) return 1;
    NormSetWatermark(session, file, true);
    NormEvent event;
    while (NormGetNextEvent(instance, &event)) {
        if (event.type != NORM_TX_WATERMARK_COMPLETED) continue;
        if (NormGetAckingStatus(session) == NORM_ACK_SUCCESS) break;
        // Somebody was not done in time: ask again.
        NormResetWatermark(session);
    }
    // Taking the session down takes long and serves nothing here.
    _exit(0);
}

static int receive_file(NormInstanceHandle instance, char** words)
{
    NormSessionHandle session = open_session(instance, FIRST_ID + atoi(words[4]), words[2]);
    std::string file = words[3], folder = file.substr(0, file.rfind('/') + 1);
    NormSetCacheDirectory(instance, folder.c_str());
    if (!NormStartReceiver(session, SPACE)) return 1;
    NormSetRxSocketBuffer(session, SOCKET);
    NormEvent event;
    while (NormGetNextEvent(instance, &event)) {
        if (event.type == NORM_RX_OBJECT_ABORTED) fprintf(stderr, "aborted\n");
        if (event.type == NORM_RX_OBJECT_COMPLETED && !NormFileRename(event.object, file.c_str()))
            fprintf(stderr, "cannot rename\n");
    }
    return 1;
}

int main(int count, char** words)
{
    bool sends = count == 8 && !strcmp(words[1], "send");
    bool receives = count == 5 && !strcmp(words[1], "recv");
    if (!sends && !receives) {
        fprintf(stderr, "usage: see the head of the source\n");
        return 2;
    }
    NormInstanceHandle instance = NormCreateInstance();
    return sends ? send_file(instance, words) : receive_file(instance, words);
}
