// The bytes of a document as they come, whole or in parts, and where in it we are.
#ifndef DOCUMENT_HPP
#define DOCUMENT_HPP

#include <cstdint>
#include <functional>
#include <lao/cpp/error.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace data {

// A place in a document, counted from 1; columns are characters.
struct Place {
    std::uint64_t line = 1;
    std::uint64_t column = 1;

    // Where these bytes lead to from here.
    Place after(std::string_view bytes) const noexcept;
    lao::InvalidInput refuse(const std::string &why) const;
};

// A byte that cannot stand where it does, and why.
struct Refused {
    std::size_t at;
    std::string why;
};

// A document that is read once, from its start to its end.
class Document {
  public:
    // Puts the next part into a buffer, which is empty; false at the end.
    using Parts = std::function<bool(std::string &)>;

    // `most`: bytes that one record may have.
    Document(std::string_view whole, std::size_t most);
    Document(Parts parts, std::size_t most);
    Document(const Document &) = delete;
    Document &operator=(const Document &) = delete;

    // What comes next, at least one byte; empty at the end. Valid until the next call.
    std::string_view fill();
    // Passes over so many bytes of what fill() gave.
    void pass(std::size_t count) noexcept;

    // Passes over bytes while they are such, and gives the next one.
    template <class Such> std::optional<char> skip(Such such) {
        for (;;) {
            const std::string_view bytes = fill();
            std::size_t count = 0;
            while (count < bytes.size() && such(bytes[count])) {
                count++;
            }
            const std::optional<char> next = count < bytes.size() ? std::optional<char>(bytes[count]) : std::nullopt;
            pass(count);
            if (next || bytes.empty()) {
                return next;
            }
        }
    }

    // Moves bytes into `held` until `end` says how many of those that it sees belong to it: `end(bytes, count)` answers
    // true when it has found out, and throws Refused for a byte that cannot be. False: the document ended before, or the
    // room for one record.
    template <class End> bool gather(std::string &held, End end) {
        held.clear();
        for (;;) {
            const std::string_view bytes = fill();
            if (bytes.empty()) {
                return false;
            }
            std::size_t count = bytes.size();
            bool found = false;
            try {
                found = end(bytes, count);
            } catch (const Refused &refused) {
                throw place_.after(bytes.substr(0, refused.at)).refuse(refused.why);
            }
            held.append(bytes.data(), count);
            pass(count);
            if (held.size() > most_) {
                return false;
            }
            if (found) {
                return true;
            }
        }
    }

    Place place() const noexcept { return place_; }
    std::size_t most() const noexcept { return most_; }
    // What is said of a record that has more bytes than one may have.
    std::string too_long() const;
    // The first byte of what is known already that is no white space.
    std::optional<char> next_byte() const noexcept;

  private:
    // Passes over the mark of UTF-8, and refuses those of other encodings.
    void begin();

    Parts parts_;
    std::string part_;
    std::string_view loaded_;
    std::size_t at_ = 0;
    std::size_t most_;
    Place place_;
};

} // namespace data

#endif // DOCUMENT_HPP
