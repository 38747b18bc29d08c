// The formats: which one a document is in, and one reader and one writer for all.
#ifndef FORMAT_HPP
#define FORMAT_HPP

#include <variant>

#include "csv.hpp"
#include "json.hpp"
#include "xml_reader.hpp"
#include "xml_writer.hpp"

namespace data {

enum class Format { json, ndjson, csv, xml };

// In the order of Format.
constexpr std::string_view FORMAT_NAMES[] = {"json", "ndjson", "csv", "xml"};

// How a document is read and another one written.
struct Options {
    std::string from = "auto";
    std::string to = "same";
    std::string delimiter = ",";
    bool has_header = true;
    std::string record;
    std::string root = "records";
    std::string element = "record";
};

class Reader {
  public:
    // `document` stays the caller's. Throws lao::InvalidParameter.
    Reader(const Options &options, Document &document);

    Format format() const noexcept { return format_; }
    std::optional<Record> next();

  private:
    Document *document_;
    Format format_;
    std::variant<std::monostate, JsonReader, CsvReader, std::unique_ptr<XmlReader>> reader_;
};

class Writer {
  public:
    // `same`: the format that is written unless another one is wanted. Throws lao::InvalidParameter.
    Writer(const Options &options, Format same);

    void write(const Record &record, std::string &out);
    void end(std::string &out);

  private:
    std::variant<std::monostate, JsonWriter, CsvWriter, XmlWriter> writer_;
};

} // namespace data

#endif // FORMAT_HPP
