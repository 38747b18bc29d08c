#include "memory_file.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

namespace {

sf_count_t sought(sf_count_t offset, int whence, sf_count_t at, sf_count_t size) {
    const sf_count_t from = whence == SEEK_CUR ? at : whence == SEEK_END ? size : 0;
    return std::clamp<sf_count_t>(from + offset, 0, size);
}

sf_count_t size_read(void *file) { return static_cast<ReadFile *>(file)->size; }

sf_count_t seek_read(sf_count_t offset, int whence, void *file) {
    auto &read = *static_cast<ReadFile *>(file);
    return read.at = sought(offset, whence, read.at, read.size);
}

sf_count_t read(void *to, sf_count_t count, void *file) {
    auto &from = *static_cast<ReadFile *>(file);
    const sf_count_t some = std::clamp<sf_count_t>(count, 0, from.size - from.at);
    if (some > 0) {
        std::memcpy(to, from.data + from.at, static_cast<std::size_t>(some));
    }
    from.at += some;
    return some;
}

sf_count_t tell_read(void *file) { return static_cast<ReadFile *>(file)->at; }

sf_count_t write_nothing(const void *, sf_count_t, void *) { return 0; }

sf_count_t size_written(void *file) { return static_cast<sf_count_t>(static_cast<WrittenFile *>(file)->bytes.size()); }

sf_count_t seek_written(sf_count_t offset, int whence, void *file) {
    auto &written = *static_cast<WrittenFile *>(file);
    return written.at = sought(offset, whence, written.at, size_written(file));
}

sf_count_t read_written(void *to, sf_count_t count, void *file) {
    auto &written = *static_cast<WrittenFile *>(file);
    ReadFile from{written.bytes.data(), size_written(file), written.at};
    const sf_count_t some = read(to, count, &from);
    written.at = from.at;
    return some;
}

// Called from within a library in C, which no exception may cross.
sf_count_t write(const void *from, sf_count_t count, void *file) noexcept {
    auto &written = *static_cast<WrittenFile *>(file);
    const auto end = static_cast<std::size_t>(written.at + count);
    try {
        if (end > written.bytes.size()) {
            written.bytes.resize(end);
        }
    } catch (const std::bad_alloc &) {
        return 0;
    }
    std::memcpy(written.bytes.data() + written.at, from, static_cast<std::size_t>(count));
    written.at += count;
    return count;
}

sf_count_t tell_written(void *file) { return static_cast<WrittenFile *>(file)->at; }

} // namespace

SF_VIRTUAL_IO *reading() {
    static SF_VIRTUAL_IO functions = {size_read, seek_read, read, write_nothing, tell_read};
    return &functions;
}

SF_VIRTUAL_IO *writing() {
    static SF_VIRTUAL_IO functions = {size_written, seek_written, read_written, write, tell_written};
    return &functions;
}
