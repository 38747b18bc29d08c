// XML: each element that is a record becomes one, the children of the root unless others are named.
//
// A child with nothing but text is a field with that text. What has attributes or children of its own is an object:
// attributes are `@name`, its own text is `#text`, and what comes several times is a list. Document types are refused,
// and with them all entities but the five that XML itself has.
#ifndef XML_READER_HPP
#define XML_READER_HPP

#include "record.hpp"

namespace data {

class XmlReader {
  public:
    // `wanted`: the name of the elements that are records; empty: the children of the root.
    XmlReader(Document &document, std::string wanted);
    ~XmlReader();
    XmlReader(const XmlReader &) = delete;
    XmlReader &operator=(const XmlReader &) = delete;

    std::optional<Record> next();

  private:
    class Parser;
    std::unique_ptr<Parser> parser_;
};

} // namespace data

#endif // XML_READER_HPP
