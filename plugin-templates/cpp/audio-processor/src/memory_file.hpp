// A file in memory, as libsndfile reads and writes it.
#ifndef MEMORY_FILE_HPP
#define MEMORY_FILE_HPP

#include <cstddef>
#include <cstdint>
#include <sndfile.h>
#include <vector>

struct ReadFile {
    const std::uint8_t *data;
    sf_count_t size;
    sf_count_t at;
};

struct WrittenFile {
    std::vector<std::uint8_t> bytes;
    sf_count_t at;
};

// The functions for a ReadFile, and for a WrittenFile.
SF_VIRTUAL_IO *reading();
SF_VIRTUAL_IO *writing();

#endif
