#include "format.hpp"

namespace data {
namespace {

std::optional<Format> named(std::string_view name) noexcept {
    for (std::size_t i = 0; i < std::size(FORMAT_NAMES); i++) {
        if (FORMAT_NAMES[i] == name) {
            return static_cast<Format>(i);
        }
    }
    return std::nullopt;
}

// By the first byte: `[` is a JSON list, `{` objects behind each other, `<` XML, anything else CSV.
Format guessed(const Document &document) noexcept {
    switch (document.next_byte().value_or('\0')) {
    case '[':
        return Format::json;
    case '{':
        return Format::ndjson;
    case '<':
        return Format::xml;
    default:
        return Format::csv;
    }
}

char delimiter_of(const Options &options) {
    const std::string &given = options.delimiter;
    if (given == "\\t") {
        return '\t';
    }
    const unsigned char c = given.size() == 1 ? static_cast<unsigned char>(given[0]) : '\0';
    if (c == '\0' || c >= 0x80 || c == '"' || c == '\n' || c == '\r') {
        throw lao::InvalidParameter("`delimiter` is one character of ASCII, and no quotation mark");
    }
    return given[0];
}

} // namespace

Reader::Reader(const Options &options, Document &document)
    : document_(&document), format_(named(options.from).value_or(guessed(document))) {
    const char delimiter = delimiter_of(options);
    switch (format_) {
    case Format::json:
        reader_ = JsonReader(true);
        break;
    case Format::ndjson:
        reader_ = JsonReader(false);
        break;
    case Format::csv:
        reader_ = CsvReader(delimiter, options.has_header);
        break;
    case Format::xml:
        reader_ = std::make_unique<XmlReader>(document, options.record);
        break;
    }
}

std::optional<Record> Reader::next() {
    if (auto *json = std::get_if<JsonReader>(&reader_)) {
        return json->next(*document_);
    }
    if (auto *csv = std::get_if<CsvReader>(&reader_)) {
        return csv->next(*document_);
    }
    return std::get<std::unique_ptr<XmlReader>>(reader_)->next();
}

Writer::Writer(const Options &options, Format same) {
    switch (named(options.to).value_or(same)) {
    case Format::json:
        writer_ = JsonWriter(false);
        break;
    case Format::ndjson:
        writer_ = JsonWriter(true);
        break;
    case Format::csv:
        writer_ = CsvWriter(delimiter_of(options), options.has_header);
        break;
    case Format::xml:
        writer_ = XmlWriter(options.root, options.element);
        break;
    }
}

void Writer::write(const Record &record, std::string &out) {
    if (auto *json = std::get_if<JsonWriter>(&writer_)) {
        json->write(record, out);
    } else if (auto *csv = std::get_if<CsvWriter>(&writer_)) {
        csv->write(record, out);
    } else {
        std::get<XmlWriter>(writer_).write(record, out);
    }
}

void Writer::end(std::string &out) {
    if (auto *json = std::get_if<JsonWriter>(&writer_)) {
        json->end(out);
    } else if (auto *xml = std::get_if<XmlWriter>(&writer_)) {
        xml->end(out);
    }
}

} // namespace data
